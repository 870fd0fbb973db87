"""What training makes small.

Shape letter: B batch. Scores are on the unit scale, 0 for MOS 1 and 1 for MOS 5.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from learner.fusion.config import FusionConfig
from learner.fusion.network import Output

ERROR_WEIGHT = 10.0  # squared errors on the unit scale are small beside 1 - concordance
VARIANCE_WEIGHT = 0.1


def loss_of(output: Output, unit_B: Tensor, weight_B: Tensor, config: FusionConfig) -> Tensor:
    """The loss that the configuration names, of a batch.

    Args:
        output: What the network said.
        unit_B: What it should have said.
        weight_B: How much each clip counts; 0 leaves one out, whose target may then be anything.
        config: `loss`, `ccc_weight` and `margin`.
    """
    return _LOSSES[config.loss](output, unit_B, weight_B, config)


def _mse_ccc(output: Output, unit_B: Tensor, weight_B: Tensor, config: FusionConfig) -> Tensor:
    r"""Weighted squared error, concordance, and the variance's own likelihood.

    .. math:: L = 10\,\overline{w(\mu-y)^2} + \lambda(1-\mathrm{CCC}(\mu, y)) + 0.1\,\mathrm{NLL}

    Source: Lin (1989) for the concordance; PEAVS (Goncalves et al. 2024) trains with it too.
    """
    apart = 1 - concordance(output.mean_B, unit_B, weight_B)
    return _mse(output, unit_B, weight_B, config) + config.ccc_weight * apart


def _mse(output: Output, unit_B: Tensor, weight_B: Tensor, config: FusionConfig) -> Tensor:
    """Weighted squared error; the likelihood beside it moves the variance only."""
    error = _mean(weight_B, (output.mean_B - unit_B) ** 2)
    held = output.mean_B.detach()
    return ERROR_WEIGHT * error + VARIANCE_WEIGHT * _likelihood(
        held, output.log_var_B, unit_B, weight_B
    )


def _nll(output: Output, unit_B: Tensor, weight_B: Tensor, config: FusionConfig) -> Tensor:
    r"""Gaussian likelihood, :math:`\overline{\tfrac w2(\log v + (\mu-y)^2/v)}`."""
    return _likelihood(output.mean_B, output.log_var_B, unit_B, weight_B)


def _pairwise(output: Output, unit_B: Tensor, weight_B: Tensor, config: FusionConfig) -> Tensor:
    r"""Squared error and :math:`\max(0, |(\mu_i-\mu_j)-(y_i-y_j)| - m)` over pairs of the batch.

    Source: Saeki et al. (2022), UTMOS, whose contrastive loss this is.
    """
    gap_B = output.mean_B - unit_B
    apart_BB = (gap_B[:, None] - gap_B[None, :]).abs()
    weight_BB = weight_B[:, None] * weight_B[None, :]
    pairs = _mean(weight_BB, (apart_BB - config.margin).clamp_min(0))
    return _mse(output, unit_B, weight_B, config) + pairs


_LOSSES: dict[str, Callable[[Output, Tensor, Tensor, FusionConfig], Tensor]] = {
    "mse_ccc": _mse_ccc,
    "mse": _mse,
    "nll": _nll,
    "pairwise": _pairwise,
}


def concordance(mean_B: Tensor, unit_B: Tensor, weight_B: Tensor) -> Tensor:
    r"""Weighted concordance, :math:`2 s_{\mu y} / (s_\mu^2 + s_y^2 + (\bar\mu - \bar y)^2)`.

    Source: Lin (1989).

    >>> import torch
    >>> float(concordance(torch.tensor([0.1, 0.5]), torch.tensor([0.1, 0.5]), torch.ones(2)))
    1.0
    """
    centre, aim = _mean(weight_B, mean_B), _mean(weight_B, unit_B)
    off_B, aim_B = mean_B - centre, unit_B - aim
    spread = _mean(weight_B, off_B**2) + _mean(weight_B, aim_B**2) + (centre - aim) ** 2
    return 2 * _mean(weight_B, off_B * aim_B) / spread.clamp_min(1e-8)


def _likelihood(mean_B: Tensor, log_var_B: Tensor, unit_B: Tensor, weight_B: Tensor) -> Tensor:
    return _mean(weight_B, 0.5 * (log_var_B + (mean_B - unit_B) ** 2 / log_var_B.exp()))


def _mean(weight: Tensor, value: Tensor) -> Tensor:
    counted = torch.where(weight > 0, weight * value, 0.0)
    return counted.sum() / weight.sum().clamp_min(1e-12)

"""Budgets in stages, such as the paper's 33, 66 and 100 per cent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import ValidationError

PAPER_SHARES = (0.33, 0.66, 1.0)  # table 4


def read_shares(text: str) -> list[float]:
    """Cumulative shares written in per cent: `33, 66, 100`; none of an empty text.

    Raises:
        ValidationError: not numbers, not ascending, or not ending at 100.
    """
    try:
        shares = [float(part.strip().rstrip("%")) / 100 for part in text.split(",") if part.strip()]
    except ValueError as error:
        raise ValidationError(
            f"The stages {text!r} are not per cents with commas between: write 33, 66, 100."
        ) from error
    check_shares(shares)
    return shares


def check_shares(shares: Sequence[float]) -> None:
    """Refuse shares that do not ascend to the whole budget.

    Raises:
        ValidationError: they do not.
    """
    if not shares:
        return
    steps = zip([0.0, *shares], shares, strict=False)
    # Asked so that what is no number does not pass.
    if not (all(a < b for a, b in steps) and abs(shares[-1] - 1) <= 1e-9):
        said = ", ".join(f"{100 * share:g}" for share in shares)
        raise ValidationError(
            f"Stages must ascend from above 0 to 100 per cent, and {said} do not."
        )


def stage_of(total: int, shares: Sequence[float], stage: int) -> dict[str, Any]:
    """A stage of a plan, counted from 1, as a round keeps it, with its own budget.

    Raises:
        ValidationError: the plan has no such stage, or its shares are none.
    """
    check_shares(shares)
    if not 1 <= stage <= len(shares):
        raise ValidationError(f"A plan of {len(shares)} stages has no stage {stage}.")
    before = round(total * shares[stage - 2]) if stage > 1 else 0
    own = round(total * shares[stage - 1]) - before
    if own < 1:
        raise ValidationError(
            f"Stage {stage} of a plan of {total} ratings would ask for none: raise the budget, or "
            "make fewer stages."
        )
    return {"total": total, "shares": list(shares), "stage": stage, "budget_ratings": own}


def next_stage(plan: dict[str, Any]) -> dict[str, Any] | None:
    """The stage after this one; None where the plan is done, or there is none."""
    if not plan or plan["stage"] >= len(plan["shares"]):
        return None
    return stage_of(plan["total"], plan["shares"], plan["stage"] + 1)

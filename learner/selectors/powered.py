"""Rows to prediction-powered means: which labels are random, what a network says of the rest."""

from __future__ import annotations

from dataclasses import dataclass

from annotator.models import Campaign, Wave
from learner.models import FusionModel, Prediction, Query
from learner.selectors import LabelledClips, labelled_clips
from mos.prediction_powered import PoweredMean, powered_mean


@dataclass(frozen=True)
class PoweredRow:
    """The mean MOS of a system, or of all clips where `system` is None.

    Args:
        system: Its name; empty for clips of which none is known.
        n_clips: Clips with a prediction.
        found: The means; None where no random clip has a MOS.
    """

    system: str | None
    n_clips: int
    found: PoweredMean | None


@dataclass(frozen=True)
class PoweredSystems:
    """All clips first, then systems, the best first.

    Args:
        model: Whose predictions they rest on.
        target: The aspect it predicts.
        n_chosen: Clips with a MOS that chance did not pick: they count by predictions only.
        n_unpredicted: Random clips with a MOS that the model has not scored: they do not count.
    """

    model: FusionModel
    target: str
    level: float
    rows: list[PoweredRow]
    n_chosen: int
    n_unpredicted: int


def random_clips(campaign: Campaign) -> set[int]:
    """Keys of clips that chance alone picked to be rated, whether they have ratings or not.

    The first wave is a permutation of the pool by the campaign's seed, cut where it is long enough,
    or all of the pool; who rates what in it first is by chance too. The reserve of a round is drawn
    before its strategy picks. Waves of other origin, such as imported ratings, are not counted: who
    chose their clips is not known. What a strategy picked in another round, cancelled or not, is
    left out, for it may owe its ratings to that.

    Together they are a random part of the pool but for two things: later reserves are drawn from
    what strategies of earlier rounds left, and clips that came to the corpus after a draw had no
    part in it.
    """
    asked = Query.objects.filter(round__campaign=campaign)
    opened = campaign.assignments.filter(wave__label=Wave.FIRST, wave__number=1)
    drawn = set(asked.filter(is_reserve=True).values_list("clip", flat=True))
    drawn |= set(opened.order_by().values_list("clip", flat=True).distinct())
    return drawn - set(asked.filter(is_reserve=False).values_list("clip", flat=True))


def powered_systems(
    campaign: Campaign, model: FusionModel, *, level: float = 0.95
) -> PoweredSystems:
    """Means of all clips and of each system, from random labels and a network's scores.

    No score of a labelled clip is by a member that saw the label: it is out of fold, or the label
    came after the training. All other clips of the pool count by their scores, those that
    strategies chose among them: without them the rest would be what strategies left, which is
    another pool than the random clips came from.
    """
    target = model.training_run.proxy_weights.target
    labelled, drawn = labelled_clips(campaign, target), random_clips(campaign)
    said = Prediction.objects.filter(fusion_model=model, clip__in=campaign.pool()).order_by("clip")
    scores = [_Score(*row) for row in said.values_list(*_FIELDS)]
    by_system: dict[str, list[_Score]] = {}
    for score in scores:
        by_system.setdefault(score.system, []).append(score)
    is_split = len(by_system) > 1 or any(by_system)
    rows = [
        _row(system, of_system, labelled, drawn, level)
        for system, of_system in (by_system.items() if is_split else ())
    ]
    counted = set(labelled.mos)
    return PoweredSystems(
        model=model,
        target=target,
        level=level,
        rows=[_row(None, scores, labelled, drawn, level), *sorted(rows, key=_best_first)],
        n_chosen=len((counted & {score.clip for score in scores}) - drawn),
        n_unpredicted=len((counted & drawn) - {score.clip for score in scores}),
    )


_FIELDS = ("clip", "clip__system", "clip__source", "dubscore_raw")


@dataclass(frozen=True)
class _Score:
    """What the network says of one clip."""

    clip: int
    system: str
    source: int | None
    dubscore_raw: float

    @property
    def unit(self) -> int:
        """The source it was dubbed from, or itself."""
        return self.source or self.clip


def _row(
    system: str | None,
    scores: list[_Score],
    labelled: LabelledClips,
    drawn: set[int],
    level: float,
) -> PoweredRow:
    mine = [one for one in scores if one.clip in drawn and one.clip in labelled.mos]
    if not mine:
        return PoweredRow(system, len(scores), None)
    known = {one.clip for one in mine}
    others = [one for one in scores if one.clip not in known]
    found = powered_mean(
        [labelled.mos[one.clip] for one in mine],
        [one.dubscore_raw for one in mine],
        [one.dubscore_raw for one in others],
        level,
        sources_L=[one.unit for one in mine],
        sources_U=[one.unit for one in others],
    )
    return PoweredRow(system, len(scores), found)


def _best_first(row: PoweredRow) -> tuple[float, str]:
    mean = row.found.powered.mean if row.found else float("-inf")
    return -mean, row.system or ""

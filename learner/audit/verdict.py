"""What an audit found, in one sentence that claims no more than was shown."""

from __future__ import annotations

from collections.abc import Sequence

from learner.audit.comparison import Comparison
from learner.audit.figures import NAMES
from learner.audit.saving import Saving

SAVES, GAINS, NONE, WORSE, MIXED = "saves", "gains", "none", "worse", "mixed"


def find(
    rows: Sequence[Comparison], savings: Sequence[Saving], alpha: float
) -> tuple[str, int | None]:
    """What was found, and at which budget.

    Labels are saved where the strategy is better with a p of at most alpha after Holm and the
    interval of the saving lies above 0. Of several such budgets the largest speaks, whatever it
    saves: the best one would flatter.

    Args:
        rows: The primary figure at each budget, ascending.
        savings: At the same budgets.
        alpha: What p may be.

    Returns:
        One of `saves`, `gains` (better, but no sure number of labels), `none`, `worse` and
        `mixed` (better at one budget and worse at another), and the place of the budget.
    """
    sure = [at for at, row in enumerate(rows) if row.p_holm <= alpha]
    better = [at for at in sure if rows[at].difference > 0]
    worse = [at for at in sure if rows[at].difference < 0]
    saving = [at for at in better if savings[at].low > 0]
    if better and worse:
        return MIXED, better[-1]
    if worse:
        return WORSE, worse[-1]
    if saving:
        return SAVES, saving[-1]
    return (GAINS, better[-1]) if better else (NONE, None)


def sentence(
    finding: str,
    at: int | None,
    strategy: str,
    n_seeds: int,
    rows: Sequence[Comparison],
    savings: Sequence[Saving],
) -> str:
    """The finding in words for people."""
    name = strategy.replace("_", "-")
    if at is None:
        return f"No evidence on your data that {name} beats random: use random."
    if finding == WORSE:
        return f"On your data random did better than {name}: use random."
    row, saving = rows[at], savings[at]
    if finding == MIXED:
        return (
            f"On your data {name} did better than random at {row.labels} labels and worse at "
            "another budget: use random."
        )
    if finding == GAINS:
        return (
            f"{name} gained {row.difference:.3f} {NAMES[row.figure]} at {row.labels} labels on "
            f"these clips ({n_seeds} replays, {p_words(row.p_holm)} after Holm), but no saving of "
            "labels is sure: use random."
        )
    return (
        f"Active learning saved {_count(saving.saved, saving.is_at_least)} labels "
        f"[{round(saving.low)}, {_count(saving.high, saving.is_high_at_least)}] at {row.labels} "
        f"labels on these clips ({name}, {n_seeds} replays, {p_words(row.p_holm)} after Holm)."
    )


def reach(at: int | None, rows: Sequence[Comparison]) -> str:
    """How far beyond these clips the finding goes, in words; empty where nothing was found.

    p and the saving speak of these clips alone. A strategy that always picks the same clips has
    luck or none with them, and every replay repeats it: one that picked by a number without
    meaning was significant in about one of five simulated sets of clips, and in none by the wider
    interval.
    """
    if at is None:
        return ""
    row = rows[at]
    if row.wide_low > 0 or row.wide_high < 0:
        return "The difference is large enough to expect it on other clips like these."
    return (
        "On other clips it may be otherwise: the interval that allows for them, "
        f"{row.wide_low:+.3f} to {row.wide_high:+.3f} {NAMES[row.figure]}, holds 0."
    )


def _count(labels: float, is_at_least: bool) -> str:
    return f"at least {round(labels)}" if is_at_least else f"{round(labels)}"


def p_words(p: float) -> str:
    """A p-value as it is written.

    >>> p_words(0.0123), p_words(0.0003), p_words(0.25)
    ('p = .012', 'p < .001', 'p = .25')
    """
    if p < 0.001:
        return "p < .001"
    digits = 3 if p < 0.1 else 2
    return f"p = {p:.{digits}f}".replace("0.", ".", 1)

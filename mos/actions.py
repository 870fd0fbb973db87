"""Everything that writes in the mos room."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from annotator.models import Campaign, Verdict
from mos.models import ReliabilityReport
from mos.selectors import Collected, everything
from mos.selectors.figures import clip_table, references, spread, summarise

LEVEL = 0.95
GROUPS = ("system", "condition", "language_pair")


def store_report(*, campaign: Campaign, title: str, by: User) -> ReliabilityReport:
    """Keep every figure of a campaign as it is now.

    Raises:
        ValidationError: there is no title, or nothing was rated yet.
    """
    if not title.strip():
        raise ValidationError(_("Give the report a title, so that it can be cited."))
    found, data_hash = everything(campaign)
    if not any(one.tally.n_ratings for one in found.values()):
        raise ValidationError(_("Nothing was rated yet: there is nothing to report."))
    report = ReliabilityReport(
        campaign=campaign,
        title=title.strip(),
        figures={key: _figures(one) for key, one in found.items()},
        options={"level": LEVEL, "left_out": _left_out(campaign, next(iter(found.values())))},
        data_hash=data_hash,
        software=settings.DUBSCORE_VERSION,
        created_by=by,
    )
    report.save()
    return report


def _figures(one: Collected) -> dict[str, Any]:
    tally = one.tally
    table, beside = clip_table(one), references(one)
    sos = spread(table)
    groups = {label: table.groups(label) for label in GROUPS if label in one.labels}
    for rows in groups.values():
        for row in rows:
            row.pop("dot")
    return {
        "name": one.aspect.name,
        "n_ratings": tally.n_ratings,
        "n_clips": tally.n_clips,
        "n_raters": tally.n_raters,
        "n_simulated_raters": len(one.simulated_raters),
        "reliability": asdict(summarise(one)),
        "groups": groups,
        "spread": asdict(sos) if sos else None,
        "references": asdict(beside) if beside else None,
    }


def _left_out(campaign: Campaign, one: Collected) -> list[dict[str, str]]:
    """Rejected raters by pseudonym, with the reason."""
    names = {rater.pk: rater.name for rater in one.raters}
    standing = Verdict.objects.standing().filter(rater__campaign=campaign, is_accepted=False)
    return [
        {"rater": names[verdict.rater_id], "reason": verdict.reason}
        for verdict in standing.order_by("rater_id")
        if verdict.rater_id in names
    ]

"""Reproductions: the paper's tables from a campaign's rows, trained for and kept as one report."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

import numpy as np
from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction

from annotator.models import Campaign
from annotator.selectors import has_simulated_ratings
from learner.actions.jobs import NotPossible, Pulse, enqueue, finish, running
from learner.actions.paper_tables import Material, read_material, tables_of
from learner.models import Reproduction
from learner.reproduction.contents import not_made
from learner.reproduction.table import Table
from mos.selectors import everything
from mos.selectors.figures import summarise

QUICK = {"epochs_ws": 30, "epochs_ft": 30}  # half of what the network is trained for otherwise
WORDS = (
    "Every figure is of this campaign's own clips and ratings. What the paper prints stands beside "
    "it where it is at hand; why the two are not comparable is said under each table.",
)


def ask_reproduction(
    *, campaign: Campaign, target: str = "overall", is_quick: bool = False, seed: int = 0
) -> Reproduction:
    """Queue a report of the paper's tables on the labels that are in.

    Raises:
        ValidationError: the aspect is unknown, the seed out of range, or another report on that
            aspect is under way.
    """
    from learner.actions.checks import check_aspect

    check_aspect(campaign, target)
    if campaign.reproductions.unfinished().filter(target=target).exists():
        raise ValidationError(
            f"A reproduction of {campaign} on {target} is under way: wait for it or stop it."
        )
    asked = Reproduction(
        campaign=campaign,
        target=target,
        seed=seed,
        config={"preset": "small", **(QUICK if is_quick else {})},
        progress_text="Waiting for a worker",
    )
    asked.clean_fields()
    with transaction.atomic():
        asked.save()
        enqueue(asked)
    return asked


def run_reproduction(pk: int) -> None:
    """Make every table that the labels allow; goes on where an earlier worker stopped.

    What was trained is kept by the data that it was trained on, so labels that come in meanwhile
    make the next worker begin anew, and never a report of two kinds of labels.
    """
    asked = Reproduction.objects.select_related("campaign__corpus", "campaign__rubric").get(pk=pk)
    with running(asked) as pulse:
        if pulse is None:
            return
        pulse.progress(0.0, "Reading ratings, metrics and features")
        report = _report(asked, pulse)
        made = sum(not table["missing"] for table in report["tables"])
        finish(pulse, f"{made} of {len(report['tables'])} tables made", report=report)
    _tidy()


def folder_of(pk: int) -> Path:
    """Where the networks of a report lie until it is done."""
    return Path(settings.DUBSCORE_MODELS) / f"reproduction-{pk}"


def _tidy() -> None:
    """Throw away what finished reports trained; also where a worker died before it could."""
    left = {
        int(path.name.rpartition("-")[2])
        for path in Path(settings.DUBSCORE_MODELS).glob("reproduction-*")
    }
    done = Reproduction.objects.filter(pk__in=left, state=Reproduction.State.DONE)
    for pk in done.values_list("pk", flat=True):
        with suppress(FileNotFoundError):  # another worker may be at it
            rmtree(folder_of(pk))


def _report(asked: Reproduction, pulse: Pulse) -> dict[str, Any]:
    campaign, target = asked.campaign, asked.target
    ratings, data_hash = everything(campaign)
    tables = [_reliability(ratings)]
    try:
        material = read_material(asked, folder_of(asked.pk))
    except NotPossible as reason:
        lacking = ("table-2", "table-3", "table-4", "table-5", "figure-2", "gates", "unusual-gates")
        tables += [not_made(key, str(reason)) for key in lacking]
        facts = []
    else:
        tables += tables_of(asked, material, pulse)
        facts = _facts(material)
    words = list(WORDS)
    if has_simulated_ratings(campaign):
        words.append("Some of these ratings were made by a random model, not by people.")
    return {
        "title": f"The paper's tables from {campaign.name}, {target}",
        "words": words,
        "campaign": campaign.public_id,
        "aspect": target,
        "facts": [
            *facts,
            ["ratings that counted, SHA-256", data_hash],
            ["epochs at most, on proxy MOS and on MOS", _epochs(asked)],
            ["seed", asked.seed],
            ["software", f"Dubscore {settings.DUBSCORE_VERSION}"],
        ],
        "tables": [table.to_json() for table in tables],
    }


def _epochs(asked: Reproduction) -> str:
    return f"{asked.config.get('epochs_ws', 60)} and {asked.config.get('epochs_ft', 60)}"


def _facts(material: Material) -> list[list[Any]]:
    labels = material.study.labels
    has_mos = ~np.isnan(labels.mos_N)
    return [
        ["clips, with a MOS", f"{len(has_mos)}, {int(has_mos.sum())}"],
        ["sources with a MOS", len(np.unique(labels.source_N[has_mos]))],
        ["folds", len(material.study.proxy_FN)],
        ["inputs of the network", ", ".join(one.name for one in material.study.config.encoders)],
    ]


def _reliability(ratings: dict[str, Any]) -> Table:
    from learner.reproduction.ratings import table_1

    return table_1({key: (one.aspect.name, summarise(one)) for key, one in ratings.items()})

"""What the queue calls: each task carries the number of a row, and the row is the truth."""

from __future__ import annotations

from typing import Any

from django_tasks import task

from learner.models import (
    Audit,
    DryRun,
    Extraction,
    Job,
    Refit,
    Reproduction,
    Rescoring,
    Round,
    Scoring,
    TrainingRun,
)


@task()
def run_extraction(pk: int) -> None:
    """Compute the missing metrics and features of a corpus."""
    from learner.actions.extraction import run_extraction as run

    run(pk)


@task()
def run_round(pk: int) -> None:
    """Take a round through the stage it stands at."""
    from learner.actions.rounds import run_round as run

    run(pk)


@task()
def run_training(pk: int) -> None:
    """Train the network."""
    from learner.actions.training import run_training as run

    run(pk)


@task()
def run_dry_run(pk: int) -> None:
    """Say what a round would pick."""
    from learner.actions.dry_runs import run_dry_run as run

    run(pk)


@task()
def run_refit(pk: int) -> None:
    """Fit the proxy."""
    from learner.actions.proxy import run_refit as run

    run(pk)


@task()
def run_audit(pk: int) -> None:
    """Replay a strategy against chance."""
    from learner.actions.audits import run_audit as run

    run(pk)


@task()
def run_rescoring(pk: int) -> None:
    """Score the clips that a model in use has not scored yet."""
    from learner.actions.rescoring import run_rescoring as run

    run(pk)


@task()
def run_scoring(pk: int) -> None:
    """Score one clip that somebody asked about."""
    from learner.actions.scoring import run_scoring as run

    run(pk)


@task()
def run_reproduction(pk: int) -> None:
    """Make the paper's tables from a campaign's data."""
    from learner.actions.reproduction import run_reproduction as run

    run(pk)


TASK_OF: dict[type[Job], Any] = {
    Extraction: run_extraction,
    Round: run_round,
    TrainingRun: run_training,
    DryRun: run_dry_run,
    Refit: run_refit,
    Audit: run_audit,
    Rescoring: run_rescoring,
    Scoring: run_scoring,
    Reproduction: run_reproduction,
}

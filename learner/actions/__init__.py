"""Everything that writes in the learner room, by idea."""

from __future__ import annotations

from learner.actions.audits import ask_audit
from learner.actions.dry_runs import ask_dry_run
from learner.actions.extraction import queue_extraction
from learner.actions.jobs import JobStopped, cancel_job, recover_jobs
from learner.actions.proxy import ask_refit
from learner.actions.rounds import (
    cancel_round,
    close_round_early,
    follow_rounds,
    launch_round,
    run_again,
)

__all__ = [
    "JobStopped",
    "ask_audit",
    "ask_dry_run",
    "ask_refit",
    "cancel_job",
    "cancel_round",
    "close_round_early",
    "follow_rounds",
    "launch_round",
    "queue_extraction",
    "recover_jobs",
    "run_again",
]

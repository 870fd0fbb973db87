"""Everything that writes in the learner room, by idea."""

from __future__ import annotations

from learner.actions.audits import ask_audit
from learner.actions.dry_runs import ask_dry_run
from learner.actions.extraction import queue_extraction
from learner.actions.jobs import JobStopped, cancel_job, recover_jobs
from learner.actions.proxy import ask_refit
from learner.actions.registry import promote, roll_back
from learner.actions.reproduction import ask_reproduction
from learner.actions.rescoring import queue_rescoring
from learner.actions.rounds import (
    cancel_round,
    close_round_early,
    follow_rounds,
    launch_round,
    run_again,
)
from learner.actions.scoring import ask_scoring
from learner.actions.training import ask_training
from learner.actions.triggers import set_policy

__all__ = [
    "JobStopped",
    "ask_audit",
    "ask_dry_run",
    "ask_refit",
    "ask_reproduction",
    "ask_scoring",
    "ask_training",
    "cancel_job",
    "cancel_round",
    "close_round_early",
    "follow_rounds",
    "launch_round",
    "promote",
    "queue_extraction",
    "queue_rescoring",
    "recover_jobs",
    "roll_back",
    "run_again",
    "set_policy",
]

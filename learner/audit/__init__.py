"""The audit of active learning: would chance have done as well on the labels that were collected?

`replay_seed` plays one paired run of a strategy against chance; `audit_report` judges 30 or more.
"""

from learner.audit.data import AuditData, AuditPlan
from learner.audit.replay import Split, replay_key, replay_seed, split
from learner.audit.report import FEWEST, AuditReport, audit_report
from learner.audit.result import SeedResult

__all__ = [
    "FEWEST",
    "AuditData",
    "AuditPlan",
    "AuditReport",
    "SeedResult",
    "Split",
    "audit_report",
    "replay_key",
    "replay_seed",
    "split",
]

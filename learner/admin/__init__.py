"""The learner room in Django's admin, by idea: rounds are launched here, all else is looked at."""

from __future__ import annotations

from learner.admin import extraction, proxy, rounds, scoring, training

__all__ = ["extraction", "proxy", "rounds", "scoring", "training"]

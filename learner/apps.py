"""Django's entry for the learner room."""

from __future__ import annotations

from django.apps import AppConfig


class LearnerConfig(AppConfig):
    """What to ask next, and the models that learn from the answers."""

    name = "learner"

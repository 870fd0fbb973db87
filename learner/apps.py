"""Django's entry for the learner room."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.apps import AppConfig
from django.conf import settings
from django.db.models.signals import post_migrate

from learner.registry import weights_lie_in

RESEARCHERS = "Researchers"
# What researchers may do in the admin, beside looking at everything of their own campaigns.
MAY_ADD_OR_CHANGE = {"campaign", "corpus", "clip", "membership", "rubric", "aspect", "round"}
MAY_ALSO_RUN = {"extraction", "trainingrun", "dryrun", "refit", "audit", "scoring"}


class LearnerConfig(AppConfig):
    """What to ask next, and the models that learn from the answers."""

    name = "learner"

    def ready(self) -> None:
        """Keep the group of researchers in step with the tables, and cards with what is set up."""
        weights_lie_in(lambda: Path(settings.DUBSCORE_WEIGHTS))
        post_migrate.connect(give_researchers_their_permissions, sender=self)


def give_researchers_their_permissions(**kwargs: Any) -> None:
    """Staff of this group set campaigns up and launch rounds, without being superusers."""
    from django.contrib.auth.models import Group, Permission

    ours = Permission.objects.filter(content_type__app_label__in=["annotator", "mos", "learner"])
    granted = [
        permission
        for permission in ours.select_related("content_type")
        if permission.codename.startswith("view_")
        or (
            permission.codename.startswith(("add_", "change_"))
            and permission.content_type.model in MAY_ADD_OR_CHANGE | MAY_ALSO_RUN
        )
    ]
    Group.objects.get_or_create(name=RESEARCHERS)[0].permissions.set(
        [*granted, Permission.objects.get(codename="view_user")]
    )

"""Background work in the admin: looked at, run again, cancelled."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from annotator.admin import ReadOnlyAdmin
from learner import actions


class JobAdmin(ReadOnlyAdmin):
    """Background work, to be looked at and run again."""

    list_display = ["__str__", "state", "progress_text", "attempt", "created_at", "finished_at"]
    list_filter = ["state"]
    actions = ["run_again", "cancel"]

    def has_run_permission(self, request: HttpRequest) -> bool:
        """Whoever may change such rows, though none is changed by hand."""
        return request.user.has_perm(f"learner.change_{self.opts.model_name}")

    @admin.action(description="Run again what failed or was cancelled", permissions=["run"])
    def run_again(self, request: HttpRequest, jobs: QuerySet[Any]) -> None:
        """Put them back in the queue; what they did before is kept."""
        again = 0
        for job in jobs:
            try:
                again += actions.run_again(job=job)
            except ValidationError as refusal:
                self.message_user(request, " ".join(refusal.messages), messages.ERROR)
        self.message_user(request, f"{again} of {len(jobs)} are queued again.")

    @admin.action(description="Cancel", permissions=["run"])
    def cancel(self, request: HttpRequest, jobs: QuerySet[Any]) -> None:
        """Stop those that are still open."""
        stopped = sum(actions.cancel_job(job=job) for job in jobs)
        self.message_user(request, f"{stopped} of {len(jobs)} are cancelled.")

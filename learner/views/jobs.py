"""What every page of a job does when its button is pressed."""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from learner import actions
from learner.models import Job


def change_job(request: HttpRequest, job: Job, word: str) -> None:
    """Stop a job or go on with it, as the form says; what stands against it is told.

    Args:
        request: With `how`: `again`, or anything else to stop.
        job: Of the page.
        word: What the page calls it.
    """
    is_again = request.POST.get("how") == "again"
    change = actions.run_again if is_again else actions.cancel_job
    try:
        done = change(job=job)
    except ValidationError as refusal:
        messages.error(request, " ".join(refusal.messages))
        return
    if not done:
        messages.error(request, f"The {word} has moved on: look where it stands now.")

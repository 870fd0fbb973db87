"""What the learner's commands share: whose campaign, and a job done here with a bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from django.core.exceptions import ValidationError
from django.core.management.base import CommandError
from tqdm import tqdm

from annotator.models import Campaign
from learner.actions.jobs import Pulse
from learner.models import Job

JobT = TypeVar("JobT", bound=Job)


def campaign_of(name: str) -> Campaign:
    """A campaign by its name or public id.

    Raises:
        CommandError: there is none; the message lists those there are.
    """
    campaigns = Campaign.objects.select_related("corpus", "rubric")
    found = campaigns.filter(name=name).first() or campaigns.filter(public_id=name).first()
    if found is None:
        names = ", ".join(campaigns.values_list("name", flat=True)) or "none yet"
        raise CommandError(f"There is no campaign {name!r}. There are: {names}.")
    return found


@contextmanager
def refusals() -> Iterator[None]:
    """What an action refuses, as the command's error."""
    try:
        yield
    except ValidationError as refusal:
        raise CommandError(" ".join(refusal.messages)) from refusal


def run_here(job: JobT, run: Callable[[int], object]) -> JobT:
    """Do a queued job now, with a bar; a worker that is faster does it instead.

    Raises:
        CommandError: it ended otherwise than done, in its own words.
    """
    with tqdm(total=100, unit="%", desc=str(job)) as bar:
        Pulse.watcher = lambda frac: bar.update(round(100 * frac) - bar.n)
        try:
            run(job.pk)
        finally:
            Pulse.watcher = None
    job.refresh_from_db()
    if job.state != Job.State.DONE:
        raise CommandError(f"{job} is {job.state}: {job.error_text or job.progress_text}")
    return job

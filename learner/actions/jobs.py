"""Running background work so that any worker may die at any moment."""

from __future__ import annotations

import logging
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, ClassVar
from uuid import uuid4

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import IntegrityError, close_old_connections, connection, transaction
from django.utils import timezone

from learner.features import DamagedShard
from learner.models import Job
from learner.tasks import TASK_OF
from learner.weights import WeightsError

logger = logging.getLogger(__name__)

WRITE_EVERY_S = 0.5


class NotPossible(ValueError):  # noqa: N818 (no fault of the program)
    """The labels or clips there are do not allow it; the words say what would."""


# Their words name the cure; where they were raised helps nobody.
CURABLE = (DamagedShard, WeightsError, NotPossible)
ERROR_TAIL = 1000
# Set by the worker when it is asked to stop: running jobs go back to the queue.
stopping = threading.Event()


class JobStopped(Exception):  # noqa: N818 (not a fault: the job goes on elsewhere, or was cancelled)
    """The job is no longer this worker's to run."""


class Pulse:
    """A running job's sign of life; every write is refused once the job belongs to another."""

    watcher: ClassVar[Callable[[float], object] | None] = None  # a command's progress bar

    def __init__(self, job: Job, owner: str) -> None:
        self.job = job
        self.owner = owner
        self.written_at = 0.0
        self.is_lost = threading.Event()
        self.finished = threading.Event()

    def mine(self) -> Any:
        """The row, while it is still this worker's."""
        rows = type(self.job)._default_manager
        return rows.filter(pk=self.job.pk, owner=self.owner, state=Job.State.RUNNING)

    def progress(self, frac: float, text: str = "", **fields: Any) -> None:
        """Say how far the work is.

        Raises:
            JobStopped: it was cancelled, taken over, or the worker is to stop.
        """
        self.check()
        if Pulse.watcher:
            Pulse.watcher(frac)
        now = time.monotonic()
        if now - self.written_at < WRITE_EVERY_S and frac < 1:
            return
        self.written_at = now
        self.write(progress_frac=min(1.0, max(0.0, frac)), progress_text=text[:200], **fields)

    def write(self, **fields: Any) -> None:
        """Change the row, with a heartbeat."""
        if not self.mine().update(heartbeat_at=timezone.now(), **fields):
            self.is_lost.set()
            raise JobStopped(f"{self.job} is no longer run by this worker")

    def check(self) -> None:
        """Stop here if the job is no longer this worker's."""
        if stopping.is_set() or self.is_lost.is_set():
            raise JobStopped(f"{self.job} stops here")

    def beat(self) -> None:
        """Keep the heartbeat going, whatever the work is doing; runs in a thread of its own."""
        every_s = settings.DUBSCORE_STALE_SECONDS / 6
        try:
            while not self.finished.wait(every_s):
                if not self.mine().update(heartbeat_at=timezone.now()):
                    self.is_lost.set()
                    return
        finally:
            connection.close()


@contextmanager
def running(job: Job) -> Iterator[Pulse | None]:
    """Run a queued job under a heartbeat; gives None when another worker has it already.

    What goes wrong inside is logged and kept with the row, which is then failed.
    """
    owner = uuid4().hex
    rows = type(job)._default_manager
    if not rows.filter(pk=job.pk).claim(owner=owner):
        yield None
        return
    job.refresh_from_db()
    pulse = Pulse(job, owner)
    thread = threading.Thread(target=pulse.beat, daemon=True)
    if not connection.in_atomic_block:  # a test's transaction is seen by no other thread
        thread.start()
    try:
        yield pulse
    except JobStopped as stop:
        logger.info("%s", stop)
        pulse.mine().update(state=Job.State.QUEUED, owner="")
    except CURABLE as error:
        logger.error("%s failed: %s", job, error)
        _fail(pulse, str(error))
    except Exception as error:
        logger.exception("%s failed", job)
        words = "".join(traceback.format_exception_only(error)).strip()
        _fail(pulse, f"It broke on our side: {words[-ERROR_TAIL:]} The worker's log has the rest.")
    finally:
        pulse.finished.set()
        if thread.is_alive():
            thread.join(timeout=5)


def _fail(pulse: Pulse, words: str) -> None:
    pulse.mine().update(
        state=Job.State.FAILED, error_text=words, finished_at=timezone.now(), owner=""
    )


def enqueue(job: Job) -> None:
    """Ring the bell for a queued row once it is committed."""
    task = TASK_OF[type(job)]
    transaction.on_commit(lambda: task.enqueue(job.pk))


def cancel_job(*, job: Job) -> bool:
    """Stop a job for good; say whether it could still be stopped."""
    rows = type(job)._default_manager.filter(pk=job.pk).unfinished()
    return bool(rows.update(state=Job.State.CANCELLED, owner="", finished_at=timezone.now()))


@transaction.atomic
def reopen(job: Job, state: str = Job.State.QUEUED) -> bool:
    """Open a failed or cancelled job once more; say whether it was one.

    Raises:
        ValidationError: another job of the same kind is open in its place.
    """
    over = [Job.State.FAILED, Job.State.CANCELLED]
    rows = type(job)._default_manager.filter(pk=job.pk, state__in=over)
    try:
        with transaction.atomic():
            moved = rows.update(state=state, attempt=0, owner="", error_text="", finished_at=None)
    except IntegrityError as clash:
        raise ValidationError(f"{job}: another one is open; wait for it or cancel it.") from clash
    if moved and state == Job.State.QUEUED:
        enqueue(job)
    return bool(moved)


def recover_jobs() -> int:
    """Put the jobs of dead workers back in the queue, and ring again where a bell got lost.

    Returns:
        How many bells were rung.
    """
    rung = 0
    for model in TASK_OF:
        rows = model._default_manager
        for job in rows.stale():
            rung += _revive(job)
        lost = timezone.now() - timedelta(seconds=settings.DUBSCORE_STALE_SECONDS)
        for job in rows.waiting().filter(created_at__lt=lost):
            rung += _ring_again(job)
    _forget_dead_tasks()
    return rung


def _revive(job: Job) -> int:
    """A running job without heartbeat: queued once more, or failed after too many tries."""
    stale = type(job)._default_manager.filter(pk=job.pk, owner=job.owner).stale()
    if job.attempt >= settings.DUBSCORE_MAX_ATTEMPTS:
        stale.update(
            state=Job.State.FAILED,
            owner="",
            finished_at=timezone.now(),
            error_text=f"The worker died {job.attempt} times while running this. See its log for "
            "why; then start it again.",
        )
        return 0
    if stale.update(state=Job.State.QUEUED, owner=""):
        logger.warning("%s: its worker is dead, it is queued again", job)
        enqueue(job)
        return 1
    return 0


def _ring_again(job: Job) -> int:
    """A queued row nobody has been told of: its bell was lost, or its worker stopped in between."""
    from django_tasks_db.models import DBTaskResult

    path = TASK_OF[type(job)].module_path
    ready = DBTaskResult.objects.ready().filter(task_path=path)
    if any(bell.args_kwargs["args"] == [job.pk] for bell in ready):
        return 0
    enqueue(job)
    return 1


def _forget_dead_tasks() -> None:
    """Bells that their dead workers left ringing, and old ones that were answered."""
    from django_tasks_db.models import DBTaskResult

    long_ago = timezone.now() - timedelta(days=1)
    DBTaskResult.objects.running().filter(started_at__lt=long_ago).delete()
    DBTaskResult.objects.finished().filter(finished_at__lt=long_ago).delete()


def finish(pulse: Pulse, text: str, **fields: Any) -> None:
    """The work is done."""
    pulse.write(
        state=Job.State.DONE,
        progress_frac=1.0,
        progress_text=text[:200],
        finished_at=timezone.now(),
        **fields,
    )
    pulse.finished.set()


def tick() -> None:
    """What a worker does between jobs: look after the dead, follow the rounds, tell, tidy up."""
    from learner.actions.rounds import follow_rounds
    from learner.actions.uploads import forget_uploads
    from learner.actions.webhooks import tell_again

    close_old_connections()
    recover_jobs()
    follow_rounds()
    tell_again()
    forget_uploads()

"""`manage.py worker`: run background jobs until asked to stop."""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from argparse import ArgumentParser
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from learner.actions.jobs import stopping, tick
from learner.models import Round
from learner.tasks import TASK_OF

TICK_EVERY_S = 1.0
logger = logging.getLogger("dubscore.worker")


class RoundsWorker(Worker):
    """The queue's worker, which also looks after dead workers' jobs and follows the rounds."""

    def __init__(self, *, is_until_idle: bool, **options: Any) -> None:
        super().__init__(**options)
        self.is_until_idle = is_until_idle

    def shutdown(self, signum: int, frame: FrameType | None) -> None:
        """Stop: a running job goes back to the queue at its next sign of life."""
        logger.info("Stopping; a running job goes back to the queue")
        stopping.set()
        self.running = False

    def run(self) -> None:
        """Take turns: look around, then run one batch of what is queued."""
        self.batch = True
        while self.running:
            tick()
            super().run()
            if self.is_until_idle and self._is_idle():
                return
            if self.running:
                time.sleep(self.interval)

    def _is_idle(self) -> bool:
        tick()
        waiting_for_people = {"state": "waiting", "stage": "collecting"}
        open_jobs = sum(model.objects.unfinished().count() for model in TASK_OF)
        collecting = Round.objects.filter(**waiting_for_people).count()
        return open_jobs == collecting and not DBTaskResult.objects.ready().exists()


class Command(BaseCommand):
    """Run one worker; start as many as there are cores to spare, on any machine."""

    help = "Run background jobs: extraction, rounds, training. Ctrl-C stops it and loses nothing."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """How often to look, and when to end."""
        parser.add_argument("--interval", type=float, default=1.0, help="seconds between looks")
        parser.add_argument("--until-idle", action="store_true", help="end when nothing is left")

    def handle(self, *args: Any, **options: Any) -> None:
        """Work until asked to stop."""
        logging.getLogger("django_tasks").setLevel(logging.WARNING)
        logging.getLogger("django_tasks_db").setLevel(logging.WARNING)
        stopping.clear()
        name = f"{socket.gethostname()}-{os.getpid()}-{get_random_string(6)}"
        worker = RoundsWorker(
            is_until_idle=options["until_idle"],
            queue_names=["default"],
            interval=options["interval"],
            batch=True,
            backend_name="default",
            startup_delay=False,
            max_tasks=None,
            worker_id=name[:64],
            excluded_queue_names=[],
        )
        stale_s = settings.DUBSCORE_STALE_SECONDS
        self.stdout.write(f"Worker {name} is ready (others count as dead after {stale_s} s)")
        with _asked_to_stop(worker.shutdown):
            worker.run()
        self.stdout.write("Worker stopped")


@contextmanager
def _asked_to_stop(stop: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Call `stop` on Ctrl-C or SIGTERM; what they did before, they do again afterwards."""
    before = {wanted: signal.signal(wanted, stop) for wanted in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for wanted, handler in before.items():
            signal.signal(wanted, handler)

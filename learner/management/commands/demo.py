"""`manage.py demo`: set everything up, then run server and worker until Ctrl-C."""

from __future__ import annotations

import fcntl
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from learner.actions import demo

PATIENCE_S = 60


def _interrupt(signum: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextmanager
def _alone() -> Iterator[None]:
    """One set-up of an installation at a time; the lock goes with the process that held it."""
    settings.DUBSCORE_VAR.mkdir(parents=True, exist_ok=True)
    with (settings.DUBSCORE_VAR / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CommandError(
                f"Another `make demo` is setting up in {settings.DUBSCORE_VAR}: wait for it."
            ) from None
        yield


class Command(BaseCommand):
    """The product on a demo corpus, with nothing else to start."""

    help = "Set up the demo corpus and campaign, then run the web server and a worker."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to serve."""
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, **options: Any) -> None:
        """Set up what is missing, then serve."""
        port = options["port"]
        self._refuse_taken(port)
        for wanted in (signal.SIGINT, signal.SIGTERM):  # also where a shell had them ignored
            signal.signal(wanted, _interrupt)
        try:
            with _alone():
                self._set_up()
        except KeyboardInterrupt:
            raise CommandError("Stopped. `make demo` goes on from here.") from None
        self._serve(port)

    def _set_up(self) -> None:
        started = time.monotonic()
        call_command("migrate", interactive=False, verbosity=0)
        call_command("collectstatic", interactive=False, verbosity=0)
        call_command("fetch_weights")
        if not demo.is_set_up():
            demo.set_up_demo()
            self.stdout.write(f"The demo was set up in {time.monotonic() - started:.0f} s")

    def _refuse_taken(self, port: int) -> None:
        if not 0 < port < 65536:
            raise CommandError(f"{port} is no port: choose one from 1 to 65535.")
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError as error:
                raise CommandError(
                    f"Port {port} is taken ({error.strerror}). Choose another: "
                    f"make demo PORT={port + 1}"
                ) from error

    def _serve(self, port: int) -> None:
        server = [sys.executable, "-m", "gunicorn", "config.wsgi", "--worker-class", "gthread"]
        server += ["--workers", "2", "--threads", "8", "--bind", f"127.0.0.1:{port}"]
        server += ["--log-level", "warning"]
        worker = [sys.executable, "manage.py", "worker"]
        processes = [
            subprocess.Popen(words, cwd=settings.BASE_DIR, env=os.environ)  # noqa: S603
            for words in (server, worker)
        ]
        try:
            self._wait_until_ready(port, processes)
            self._welcome(port)
            while all(process.poll() is None for process in processes):
                time.sleep(0.5)
            raise CommandError("The server or the worker ended by itself: see its words above.")
        except KeyboardInterrupt:
            self.stdout.write("\nStopping …")
        finally:
            self._end(processes)
        self.stdout.write("Server and worker have stopped. `make demo` starts them again.")

    def _wait_until_ready(self, port: int, processes: list[subprocess.Popen[bytes]]) -> None:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and processes[0].poll() is None:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                    return
            except OSError:
                time.sleep(0.2)
        raise CommandError(f"The server did not answer on port {port} within {PATIENCE_S} s.")

    def _end(self, processes: list[subprocess.Popen[bytes]]) -> None:
        for process in processes:
            if process.poll() is None:
                process.terminate()
        for process in processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def _welcome(self, port: int) -> None:
        self.stdout.write(
            f"""
  Dubscore is ready:  http://127.0.0.1:{port}/

    rate clips        user {demo.RATER:<12} password {demo.PASSWORD}
    run the campaign  user {demo.RESEARCHER:<12} password {demo.PASSWORD}

  All ratings so far are simulated and marked so. After launching a round, rate its clips
  yourself or let the simulated raters do it:  .venv/bin/python manage.py simulate_ratings Demo

  Ctrl-C stops server and worker.
"""
        )

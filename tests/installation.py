"""A whole Dubscore of its own, run as its operator runs it: real processes that can be killed."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import TracebackType
from urllib.parse import urlsplit, urlunsplit

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60


class Installation:
    """One installation in a folder of its own; ends every process it started.

    Args:
        folder: Where it keeps everything.
        template: One that was set up and has no process; its database and files are copied.
    """

    def __init__(self, folder: Path, template: Installation | None = None) -> None:
        self.folder = folder
        self.template = template
        self.database = f"dubscore_test_{os.getpid()}_{folder.name.replace('-', '_')}"[:60]
        self.processes: list[subprocess.Popen[bytes]] = []
        self.env = {
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings.base",
            "DUBSCORE_VAR": str(folder),
            "DUBSCORE_WEIGHTS": os.environ.get("DUBSCORE_WEIGHTS", str(ROOT / "var" / "weights")),
            "DATABASE_URL": self._database_url(),
            "SECRET_KEY": "only-for-tests",
            "DUBSCORE_STALE_SECONDS": "3",
            "OMP_NUM_THREADS": "1",
        }

    def __enter__(self) -> Installation:
        if self.template:
            shutil.copytree(self.template.folder, self.folder, dirs_exist_ok=True)
            self._on_server(
                f'CREATE DATABASE "{self.database}" TEMPLATE "{self.template.database}"'
            )
            return self
        self._on_server(f'CREATE DATABASE "{self.database}"')
        self.manage("migrate", "--no-input", "--verbosity", "0")
        self.manage("collectstatic", "--no-input", "--verbosity", "0")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        running = [process for process in self.processes if process.poll() is None]
        for process in running:
            process.terminate()  # politely, or what it started would go on without it
        for process in running:
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.kill(process)
        self._drop_database()

    # Commands

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a management command to its end."""
        done = subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )
        if check and done.returncode:
            raise AssertionError(f"{words} failed:\n{done.stdout}\n{done.stderr}")
        return done

    def shell(self, code: str) -> str:
        """Run Python inside the installation and say what it printed."""
        return self.manage("shell", "--no-imports", "-c", code).stdout.strip()

    def until(self, seen: str, code: str, seconds: float = PATIENCE_S, then: str = "") -> None:
        """Wait, in one process, until an expression of Python is true.

        Args:
            seen: Asked fifty times a second.
            code: Run before: imports.
            seconds: After which it is given up.
            then: Run at once when it is true.
        """
        lines = [
            "import os, signal, time",
            code,
            f"until = time.monotonic() + {seconds}",
            f"while not ({seen}):",
            f"    assert time.monotonic() < until, 'waited {seconds:.0f} s in vain'",
            "    time.sleep(0.02)",
            then,
        ]
        self.shell("\n".join(lines))

    def kill_when(
        self, process: subprocess.Popen[bytes], seen: str, code: str, after: float = 0.0
    ) -> None:
        """Kill a process as soon as an expression is true, or so many seconds after.

        By the process that sees it: the job may be over before another one has started.
        """
        kill = f"time.sleep({after}); os.kill({process.pid}, signal.SIGKILL)"
        self.until(seen, code, 2 * PATIENCE_S, then=kill)
        process.wait(timeout=10)

    def start(
        self, *words: str, log: str, env: dict[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """Start a program that goes on running; its output goes to a file of the folder."""
        with (self.folder / log).open("ab") as output:
            process = subprocess.Popen(
                words, cwd=ROOT, env=env or self.env, stdout=output, stderr=subprocess.STDOUT
            )
        self.processes.append(process)
        return process

    def start_server(
        self, workers: int = 1, threads: int = 4, port: int | None = None
    ) -> tuple[subprocess.Popen[bytes], str]:
        """Start gunicorn on a free port; give the process and its address when it answers."""
        port = port or free_port()
        words = ["-m", "gunicorn", "config.wsgi", "--worker-class", "gthread"]
        words += ["--workers", str(workers), "--threads", str(threads)]
        words += ["--bind", f"127.0.0.1:{port}"]
        process = self.start(sys.executable, *words, log="server.log")
        address = f"http://127.0.0.1:{port}"
        wait_until(lambda: answers(f"{address}/healthz"), f"the server at {address}")
        return process, address

    def start_worker(self, log: str = "worker.log") -> subprocess.Popen[bytes]:
        """Start one background worker."""
        return self.start(sys.executable, "manage.py", "worker", "--interval", "0.2", log=log)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """End a process, and what it forked, with SIGKILL: no goodbye."""
        children = subprocess.run(
            ["ps", "-o", "pid=", "--ppid", str(process.pid)],
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        for pid in [process.pid, *map(int, children)]:
            os.kill(pid, signal.SIGKILL)
        process.wait(timeout=PATIENCE_S)

    # The database: a file, or a database of its own on the server that the suite runs on

    def _database_url(self) -> str:
        outer = os.environ.get("DATABASE_URL", "")
        if not outer.startswith("postgres"):
            return f"sqlite:///{self.folder}/dubscore.sqlite3"
        return urlunsplit(urlsplit(outer)._replace(path=f"/{self.database}"))

    def _drop_database(self) -> None:
        self._on_server(f'DROP DATABASE IF EXISTS "{self.database}" WITH (FORCE)')

    def _on_server(self, sql: str) -> None:
        outer = os.environ.get("DATABASE_URL", "")
        if outer.startswith("postgres"):
            import psycopg

            with psycopg.connect(outer, autocommit=True) as connection:
                connection.execute(sql)  # type: ignore[call-overload]


def wait_until(is_true, what: str, seconds: float = PATIENCE_S) -> None:
    """Look ten times a second; fail with the name of what did not come."""
    end = time.monotonic() + seconds
    while not is_true():
        if time.monotonic() > end:
            raise AssertionError(f"Waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.1)


def free_port() -> int:
    """A port of the loopback address that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def answers(url: str) -> bool:
    """Whether a server says 200 there."""
    try:
        with urllib.request.urlopen(url, timeout=2) as answer:
            return answer.status == 200
    except OSError:
        return False

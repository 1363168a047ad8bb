"""`quire worker --autoscale MIN:MAX`: runs as many worker processes as the queue wants.

ops.workers_wanted decides how many (more at once, fewer after a cooldown); this starts and stops processes. While the
database is away what runs is kept. Children are stopped by SIGTERM, the newest first, and killed only when they do not
end; a killed one is replaced. None outlives this process: the kernel tells them when it dies (db/guard.py).
"""

from __future__ import annotations

import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import psycopg

from db.processes import spawn
from db.settings import Settings, SettingsError

log = logging.getLogger(__name__)

MOST = 64
ASK_SECONDS = 2.0
TEND_SECONDS = 0.2
STOP_SECONDS = 30.0  # a worker gives itself eleven
FIRST_BACKOFF = 0.5
LAST_BACKOFF = 30.0
STEADY_SECONDS = 60.0  # a worker that ran that long was not started in vain
UNUSABLE = 2  # a worker's exit code for settings that waiting does not mend


def parse_bounds(text: str) -> tuple[int, int]:
    """MIN:MAX as two numbers.

    Raises:
        SettingsError: it is something else; the message says what it takes.
    """
    match = re.fullmatch(r"(\d{1,3}):(\d{1,3})", text, re.ASCII)
    low, high = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= low <= high <= MOST:
        raise SettingsError(
            f"--autoscale is {text!r}: it takes MIN:MAX, such as 1:4, two numbers from 1 to {MOST}, MIN not above MAX"
        )
    return low, high


@dataclass
class Child:
    """A worker process."""

    process: subprocess.Popen[bytes]
    started: float
    stopping: float | None = None  # since when


class Asker:
    """Asks the database how many workers are wanted, on a thread of its own: what hangs there stops nothing else."""

    def __init__(self, conninfo: str, first: int) -> None:
        """Args: conninfo: as quire_worker; first: what is wanted until the database has answered."""
        self.wanted = first
        self._conninfo = conninfo
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="ask", daemon=True)

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def stop(self) -> None:
        """Ask no more."""
        self._stop.set()

    def _run(self) -> None:
        away = False
        while not self._stop.is_set():
            try:
                with psycopg.connect(
                    self._conninfo, autocommit=True, connect_timeout=5, application_name="quire_autoscale",
                    prepare_threshold=None, keepalives_idle=10, keepalives_interval=5, keepalives_count=3,
                ) as connection:  # fmt: skip
                    while not self._stop.is_set():
                        row = connection.execute("select ops.workers_wanted()").fetchone()
                        assert row is not None
                        self.wanted = int(row[0])
                        if away:
                            log.info("database is back")
                            away = False
                        self._stop.wait(ASK_SECONDS)
            except psycopg.Error as error:
                if not away:
                    gone = isinstance(error, psycopg.OperationalError)
                    log.warning(
                        "database away, keeping what runs" if gone else "no answer how many workers are wanted",
                        extra={"reason": f"{error}".strip()},
                    )
                    away = True
                self._stop.wait(ASK_SECONDS)


class Supervisor:
    """The worker processes of one machine."""

    def __init__(self, low: int, high: int, argv: list[str]) -> None:
        """Describe what is run.

        Args:
            low: fewest processes.
            high: most, those that are being stopped included.
            argv: program and arguments of one.
        """
        self._low, self._high, self._argv = low, high, argv
        self._children: list[Child] = []
        self._deaths = 0
        self._next_start = 0.0
        self.unusable = False  # a worker says that its settings cannot be used

    def tend(self, wanted: int) -> None:
        """One look: note deaths, start what is missing, stop what is too much."""
        now = time.monotonic()
        for child in list(self._children):
            self._look_at(child, now)
        wanted = min(max(wanted, self._low), self._high)
        working = [child for child in self._children if child.stopping is None]
        while len(working) < wanted and len(self._children) < self._high and now >= self._next_start:
            child = Child(spawn(self._argv, cwd=str(Path.cwd())), now)
            self._children.append(child)
            working.append(child)
            log.info("worker started", extra={"pid_of_worker": child.process.pid, "wanted": wanted})
        for child in working[wanted:]:
            log.info("worker stops", extra={"pid_of_worker": child.process.pid, "wanted": wanted})
            self._stop(child, now)

    def stop(self) -> None:
        """End all of them; returns when none is left."""
        now = time.monotonic()
        for child in self._children:
            if child.stopping is None:
                self._stop(child, now)
        while self._children:
            for child in list(self._children):
                self._look_at(child, time.monotonic())
            time.sleep(0.02)

    def _stop(self, child: Child, now: float) -> None:
        child.stopping = now
        child.process.terminate()

    def _look_at(self, child: Child, now: float) -> None:
        code = child.process.poll()
        if code is None:
            if child.stopping is not None and now - child.stopping > STOP_SECONDS:
                log.warning("worker does not stop, killing it", extra={"pid_of_worker": child.process.pid})
                os.kill(child.process.pid, signal.SIGKILL)
                child.stopping = now  # once is enough, but nobody waits without end
            return
        self._children.remove(child)
        if child.stopping is not None:
            return
        self.unusable = self.unusable or code == UNUSABLE
        self._deaths = 1 if now - child.started > STEADY_SECONDS else self._deaths + 1
        pause = min(FIRST_BACKOFF * 2 ** (self._deaths - 1), LAST_BACKOFF)
        self._next_start = now + pause
        log.warning(
            "worker ended", extra={"pid_of_worker": child.process.pid, "exit_code": code, "next_start_seconds": pause}
        )


def supervise(settings: Settings, low: int, high: int) -> int:
    """Run workers until SIGTERM or SIGINT.

    Args:
        settings: of the process; worker_database_url must be set.
        low: fewest worker processes.
        high: most.

    Returns:
        The exit code: 0 stopped, 2 a worker's settings cannot be used.

    Raises:
        SettingsError: no database is set.
    """
    if settings.worker_database_url is None:
        raise SettingsError("no database: set DATABASE_URL or QUIRE_WORKER_DATABASE_URL")
    told = threading.Event()

    def stop(_number: int, _frame: FrameType | None) -> None:
        told.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    asker = Asker(settings.worker_database_url, low)
    supervisor = Supervisor(
        low, high, [sys.executable, "-m", "worker.main", "--concurrency", str(settings.worker_concurrency)]
    )
    asker.start()
    try:
        while not told.is_set() and not supervisor.unusable:
            supervisor.tend(asker.wanted)
            told.wait(TEND_SECONDS)
    finally:
        asker.stop()
        supervisor.stop()
        log.info("all workers stopped")
    return UNUSABLE if supervisor.unusable else 0

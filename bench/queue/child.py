"""The programs' side of bench/queue/race.py."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

PROGRESS = "QUIRE_BENCH_PROGRESS"  # a folder, in which each process keeps how many it has done


def progress(folder: Path) -> int:
    """How many all of them have done so far."""
    return sum(int.from_bytes(file.read_bytes(), "little") for file in folder.iterdir())


class Lap:
    """One process's part of a race."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0
        folder = os.environ.get(PROGRESS)
        self._progress = (Path(folder) / str(os.getpid())).open("wb", buffering=0) if folder else None
        self._notes: dict[str, list[tuple[float, float]]] = {"claims": [], "acks": []}

    def begin(self) -> None:
        """Ready; waits for the start."""
        print("ready", flush=True)
        sys.stdin.readline()
        self.first = self.last = time.time()

    def done(self, count: int) -> None:
        """So many entries more are done."""
        if count:
            self.count += count
            self.last = time.time()
            if self._progress is not None:
                os.pwrite(self._progress.fileno(), self.count.to_bytes(8, "little"), 0)

    def note(self, what: str, value: float) -> None:
        """Milliseconds of a claim, entries of an ack."""
        self._notes[what].append((round(time.time(), 3), round(value, 3)))

    def end(self) -> None:
        """The answer."""
        print(json.dumps({"first": self.first, "last": self.last, "count": self.count, **self._notes}), flush=True)

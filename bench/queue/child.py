"""The programs' side of bench/queue/race.py."""

from __future__ import annotations

import json
import sys
import time


class Lap:
    """One process's part of a race."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0

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

    def end(self) -> None:
        """The answer."""
        print(json.dumps({"first": self.first, "last": self.last, "count": self.count}), flush=True)

"""Progress of a command over many files or pages: one redrawn line on a terminal, a line now and then elsewhere."""

import sys
import threading
import time
from typing import TextIO

_BAR = 24
_REDRAW_SECONDS = 0.1
_LINE_SECONDS = 5.0


class Progress:
    """Counts finished files or other things; may be used by several threads.

    Args:
        total: how many there are.
        stream: where it is shown; standard error by default, so that standard output stays the result.
        things: what they are.
    """

    def __init__(self, total: int, stream: TextIO | None = None, things: str = "files") -> None:
        self._total = total
        self._things = things
        self._stream = stream or sys.stderr
        self._terminal = self._stream.isatty()
        self._lock = threading.Lock()
        self._done = 0
        self._amount = 0
        self._before: int | None = None
        self._start = self._shown = time.monotonic()

    def advance(self, blocks: int = 0) -> None:
        """One more is finished, with so many blocks."""
        with self._lock:
            self._done += 1
            self._amount += blocks
            now = time.monotonic()
            if now - self._shown >= (_REDRAW_SECONDS if self._terminal else _LINE_SECONDS):
                self._shown = now
                self._draw(now)

    def reach(self, done: int, total: int) -> None:
        """So many are finished by now, of as many as there are now: for what others do. What was before is no rate."""
        with self._lock:
            now = time.monotonic()
            if self._before is None:
                self._before, self._start = done, now
            self._done, self._total = done, total
            if now - self._shown >= (_REDRAW_SECONDS if self._terminal else _LINE_SECONDS):
                self._shown = now
                self._draw(now)

    def note(self, line: str) -> None:
        """Show a line of its own, such as a file that failed, without breaking the bar."""
        with self._lock:
            print(f"\r\x1b[K{line}" if self._terminal else line, file=self._stream, flush=True)
            if self._terminal:
                self._draw(time.monotonic())

    def close(self) -> None:
        """Leave the terminal's line empty for what comes next."""
        if self._terminal:
            print("\r\x1b[K", end="", file=self._stream, flush=True)

    def _draw(self, now: float) -> None:
        seconds = max(now - self._start, 0.001)
        if self._amount:
            rate = f"{self._amount} blocks, {self._amount / seconds:.0f} blocks/s"
        else:
            per_second = (self._done - (self._before or 0)) / seconds
            rate = f"{per_second:.0f}/s"
            if self._before is not None and per_second > 0 and self._total > self._done:
                rate += f", {_duration((self._total - self._done) / per_second)} left"
        text = f"{self._done}/{self._total} {self._things}, {rate}"
        if self._terminal:
            full = _BAR * self._done // max(self._total, 1)
            print(f"\r\x1b[K[{'#' * full}{'.' * (_BAR - full)}] {text}", end="", file=self._stream, flush=True)
        else:
            print(text, file=self._stream, flush=True)


def _duration(seconds: float) -> str:
    """Such as 45 s, 12 min, 3.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"

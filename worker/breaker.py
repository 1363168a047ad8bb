"""A circuit breaker for the embedding provider, shared by the drains of a process."""

from __future__ import annotations

import time
from collections.abc import Callable


class Breaker:
    """Closed while the provider answers. Each outage opens it for longer, up to two minutes; one answer closes it."""

    _LONGEST = 120.0

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._outages = 0
        self._open_until = 0.0

    @property
    def remaining(self) -> float:
        """Seconds until the provider may be asked again; 0 when it may be asked now."""
        return max(0.0, self._open_until - self._now())

    def opened(self, retry_after: float) -> float:
        """The provider is out: keep it from being asked; for how many seconds."""
        if not self.remaining:  # several drains see the same outage
            self._outages += 1
            doubled = min(retry_after * 2 ** min(self._outages - 1, 10), self._LONGEST)
            self._open_until = self._now() + max(retry_after, doubled)
        return self.remaining

    def closed(self) -> None:
        """The provider has answered."""
        self._outages = 0
        self._open_until = 0.0

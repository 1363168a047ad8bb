"""What is known of one request while it is answered: for its log line, its metrics and its Server-Timing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from app.metrics import Metrics

_BESIDE = frozenset({"admit", "refund"})  # not what answers


@dataclass
class Trace:
    """One request. Never holds a value out of a page, a token or a parameter.

    Attributes:
        request_id: X-Request-Id of the answer.
        metrics: where calls are counted.
        route: path template; None when no route matched.
        workspace: as it stands in the path.
        saves: whether the route is a save.
        user_id: who it is, once admitted.
        token_id: with which token.
        decision: of the rate limiter.
        function: the SQL function that answered, after api.admit.
        sqlstate: of the latest database error.
        code: of the problem that was answered.
        admit_seconds: time in api.admit and api.refund.
        call_seconds: time in the function.
        rate_headers: for the answer, whatever it will be.
    """

    request_id: str
    metrics: Metrics
    started: float = field(default_factory=time.perf_counter)
    route: str | None = None
    workspace: str | None = None
    saves: bool = False
    user_id: UUID | None = None
    token_id: UUID | None = None
    decision: str | None = None
    function: str | None = None
    sqlstate: str | None = None
    code: str | None = None
    admit_seconds: float = 0.0
    call_seconds: float = 0.0
    rate_headers: Mapping[str, str] = field(default_factory=dict[str, str])

    def called(self, function: str, seconds: float, sqlstate: str | None) -> None:
        """See app.calls.Observer."""
        self.metrics.calls.labels(function, "error" if sqlstate else "ok").observe(seconds)
        self.sqlstate = sqlstate or self.sqlstate
        if sqlstate:
            self.metrics.call_errors.labels(function, sqlstate).inc()
        if function in _BESIDE:
            self.admit_seconds += seconds
        else:
            self.function = function
            self.call_seconds += seconds

    def server_timing(self) -> str:
        """Value of the Server-Timing header; milliseconds. Source: https://www.w3.org/TR/server-timing/"""
        parts = [f"total;dur={(time.perf_counter() - self.started) * 1000:.1f}"]
        if self.call_seconds:
            parts.insert(0, f"db;dur={self.call_seconds * 1000:.1f}")
        if self.admit_seconds:
            parts.insert(0, f"admit;dur={self.admit_seconds * 1000:.1f}")
        return ", ".join(parts)

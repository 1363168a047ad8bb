"""One request of the API on its way: who is it, is it within its limits, what does its body say."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import psycopg
import psycopg_pool
from starlette.requests import Request

from app.calls import Admission, Calls
from app.conditions import bearer_token, content_type, uuid_or_404
from app.depth import check_depth
from app.guard import MAX_DEPTH
from app.metrics import Metrics
from app.problems import Problem, from_database, unavailable
from app.trace import Trace
from app.wake import DrainWaker
from db.embedders import Models
from db.pool import Pool
from db.settings import Settings

DATABASE_ERRORS = (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests, psycopg_pool.PoolClosed)
_REFUSED = frozenset({"limited", "blocked"})


@dataclass
class Services:
    """What the requests of one process share.

    Attributes:
        models: what queries are embedded with.
        newest_migration: number of the newest migration file of this release.
        draining: set when the process is to stop: /readyz says no from then on.
    """

    settings: Settings
    pool: Pool
    calls: Calls
    metrics: Metrics
    waker: DrainWaker
    models: Models
    newest_migration: int
    draining: bool = False


@dataclass
class Exchange:
    """A request whose sender is known.

    Attributes:
        path_workspace: out of the path; None for routes outside workspaces.
        actor: id of the token's user.
        token: id of the token.
        parameters: query parameters, known ones only.
    """

    request: Request
    services: Services
    trace: Trace
    path_workspace: UUID | None
    actor: UUID
    token: UUID
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def calls(self) -> Calls:
        """The functions of schema api."""
        return self.services.calls

    @property
    def workspace(self) -> UUID:
        """The workspace out of the path, where the route has one."""
        assert self.path_workspace is not None
        return self.path_workspace

    def page(self) -> UUID:
        """The page out of the path."""
        return uuid_or_404(self.request.path_params["page_id"], "page_not_found", "page in this workspace")

    async def body(self, taken: tuple[str, ...], answer_header: str) -> tuple[str, str]:
        """Media type and text of the body.

        Args:
            taken: media types that the route reads.
            answer_header: where a refusal lists them.
        """
        media_type = content_type(self.request.headers, taken, answer_header)
        text = await read_text(self.request, self.services.settings.max_body_bytes)
        check_depth(text, MAX_DEPTH)
        return media_type, text


async def read_text(request: Request, limit: int) -> str:
    """The body as text; at most ``limit`` bytes are ever held, whatever Content-Length says or leaves out.

    It has to arrive within QUIRE_REQUEST_TIMEOUT. It can be asked for again.
    """
    if "quire.body" in request.scope:
        return request.scope["quire.body"]
    too_large = Problem(
        413,
        "body_too_large",
        f"the body has more than {limit} bytes: send it in parts",
        {"limit": limit},
        {"Connection": "close"},  # the rest of the body will not be read
    )
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced) > limit:
        raise too_large
    seconds = request.app.state.services.settings.request_timeout
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(seconds):
            async for part in request.stream():
                size += len(part)
                if size > limit:
                    raise too_large
                parts.append(part)
    except TimeoutError:
        raise Problem(
            408,
            "request_timeout",
            f"the body did not arrive within {seconds:g} s",
            headers={"Connection": "close"},
        ) from None
    body = b"".join(parts)
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Problem(
            400, "malformed_json", f"the body is not UTF-8: byte {error.start} cannot be read", {"byte": error.start}
        ) from None
    if "\x00" in text:
        raise Problem(400, "malformed_json", "the body has a NUL character, which JSON does not know")
    request.scope["quire.body"] = text
    return text


async def batch_cost(request: Request, limit: int) -> int:
    """Points that a batch of patches costs: as many as it has. What is no batch costs one and is refused later.

    The body is read for this before it is known who sends it, so only of requests with a token.
    """
    if bearer_token(request.headers) is None:
        return 1
    try:
        batch: Any = json.loads(await read_text(request, limit))
    except (ValueError, RecursionError):
        return 1
    patches: Any = cast("dict[str, Any]", batch).get("patches") if isinstance(batch, dict) else None
    return max(1, len(cast("list[Any]", patches))) if isinstance(patches, list) else 1


async def admit(
    request: Request, services: Services, trace: Trace, scope: str, policy: str | None, cost: int
) -> Admission:
    """Who is it, and may it: first call of every request, on its own, before the body is read.

    Args:
        request: its Authorization header counts, nothing else.
        services: shared ones.
        trace: is told the decision; its rate_headers are set.
        scope: that the token needs.
        policy: rate policy of the route; None only authenticates.
        cost: points that the request costs.

    Raises:
        Problem: 401, 403, 429 or 503.
    """
    token = bearer_token(request.headers)
    if token is None:
        raise Problem(
            401,
            "token_required",
            "send a token: Authorization: Bearer <token>",
            headers={"WWW-Authenticate": 'Bearer realm="quire"'},
        )
    digest = hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()
    try:
        admission = await services.calls.admit(trace, digest, policy, cost)
    except DATABASE_ERRORS as error:
        raise from_database(error) from error
    if admission.decision == "unauthorized":
        raise Problem(
            401,
            "token_invalid",
            "the token is unknown, expired or revoked: make another with `quire token create`",
            headers={"WWW-Authenticate": 'Bearer realm="quire", error="invalid_token"'},
        )
    trace.user_id = admission.user_id
    if policy is not None:
        trace.decision = admission.decision
        services.metrics.rate_limits.labels(policy, admission.decision).inc()
        trace.rate_headers = rate_headers(admission, time.time())
    if admission.decision == "failed_closed":
        raise unavailable("rate_limiter_unavailable", "the rate limiter does not answer: repeat the request")
    if admission.decision in _REFUSED:
        wait = admission.retry_after or 1
        raise Problem(
            429,
            "rate_limited",
            f"over {admission.points} points in {admission.window_seconds} s ({policy}): wait {wait} s",
            {"policy": policy, "limit": admission.points, "window": admission.window_seconds, "retry_after": wait},
            {"Retry-After": str(wait)},
        )
    if scope not in (admission.scopes or ()):
        raise Problem(
            403,
            "insufficient_scope",
            f"the token lacks the scope {scope}",
            {"scope_required": scope},
            {"WWW-Authenticate": f'Bearer realm="quire", error="insufficient_scope", scope="{scope}"'},
        )
    return admission


def rate_headers(admission: Admission, now: float) -> dict[str, str]:
    """The headers of a limited answer; none for tokens that bypass limits and where the limiter failed.

    ``t`` and X-RateLimit-Reset are when the oldest point comes back; on a refusal, when the same request would get in.
    Source: draft-ietf-httpapi-ratelimit-headers-09.

    Args:
        admission: what api.admit said.
        now: Unix seconds.
    """
    if admission.remaining is None or admission.reset_seconds is None:
        return {}
    refused = admission.decision in _REFUSED
    remaining = 0 if refused else admission.remaining
    reset = max(admission.retry_after or 1, 1) if refused else admission.reset_seconds
    return {
        "X-RateLimit-Limit": str(admission.points),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(now + reset)),
        "RateLimit-Policy": f'"{admission.policy}";q={admission.points};w={admission.window_seconds}',
        "RateLimit": f'"{admission.policy}";r={remaining};t={reset}',
    }

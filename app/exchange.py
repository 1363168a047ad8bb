"""One request of the API on its way: who is it, is it within its limits, what does its body say."""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast
from uuid import UUID

import psycopg
import psycopg_pool
from starlette.requests import Request

from app.answers import JSON
from app.calls import Admission, Calls
from app.conditions import bearer_token, content_type, uuid_or_404
from app.depth import check_depth
from app.guard import MAX_DEPTH
from app.identity import Identity
from app.limiter import ANONYMOUS, REFUSED, Asker, Limiter, refunded
from app.metrics import Metrics
from app.peers import peer
from app.problems import Problem, from_database, unavailable
from app.shared import Shared
from app.trace import Trace
from app.wake import DrainWaker
from db.embedders import Models
from db.pool import Pool
from db.settings import Settings

REPLAYS = "page-read"
"""Policy that replayed idempotency keys count by."""

DATABASE_ERRORS = (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests, psycopg_pool.PoolClosed)


@dataclass
class Services:
    """What the requests of one process share.

    Attributes:
        limiter: admits requests.
        models: what queries are embedded with.
        identity: whose JWTs are believed.
        newest_migration: number of the newest migration file of this release.
        readiness: newest migration of the database, asked for by all probes together.
        draining: set when the process is to stop: /readyz says no from then on.
    """

    settings: Settings
    pool: Pool
    calls: Calls
    metrics: Metrics
    limiter: Limiter
    waker: DrainWaker
    models: Models
    identity: Identity
    newest_migration: int
    readiness: Shared[int | None] = field(default_factory=Shared[int | None])
    draining: bool = False


@dataclass(frozen=True)
class Admitted:
    """A request that was let in.

    Attributes:
        user_id: whose token it has.
        token_id: of the token; None for a JWT.
        admission: what the limiter said.
        asker: whom it asked for.
        costs: points by policy.
    """

    user_id: UUID
    token_id: UUID | None
    admission: Admission
    asker: Asker
    costs: Mapping[str, int]


@dataclass
class Exchange:
    """A request whose sender is known.

    Attributes:
        path_workspace: out of the path; None for routes outside workspaces.
        actor: id of the token's user.
        token: id of the token; None for a JWT.
        parameters: query parameters, known ones only.
        scopes: of this request.
        only: workspaces that a JWT narrows it to; None: all of its user's.
    """

    request: Request
    services: Services
    trace: Trace
    path_workspace: UUID | None
    actor: UUID
    token: UUID | None
    parameters: Mapping[str, str] = field(default_factory=dict[str, str])
    scopes: Sequence[str] = ()
    only: frozenset[UUID] | None = None

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

    It has to arrive within QUIRE_REQUEST_TIMEOUT. It can be asked for again, and is refused again.
    """
    known: str | Problem | None = request.scope.get("quire.body")
    if known is None:
        try:
            known = await _read_text(request, limit)
        except Problem as problem:
            known = problem
        request.scope["quire.body"] = known
    if isinstance(known, Problem):
        raise known
    return known


async def _read_text(request: Request, limit: int) -> str:
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
    return text


async def batch_cost(request: Request, limit: int) -> int:
    """Points that a batch of patches costs: as many as it has. What is no batch costs one and is refused later.

    The body is read for this before the request is admitted: first see that its token is one.
    """
    try:
        content_type(request.headers, (JSON,), "Accept-Post")
        batch: Any = json.loads(await read_text(request, limit))
    except (Problem, ValueError, RecursionError):
        return 1
    patches: Any = cast("dict[str, Any]", batch).get("patches") if isinstance(batch, dict) else None
    return max(1, len(cast("list[Any]", patches))) if isinstance(patches, list) else 1


async def admit(
    request: Request,
    services: Services,
    trace: Trace,
    scope: str | tuple[str, ...],
    policy: str,
    cost: int,
    workspace: UUID | None = None,
) -> Admitted:
    """Who is it, and may it: first call of every request, on its own, before the body is read.

    Args:
        request: its Authorization header and its peer count, nothing else.
        services: shared ones.
        trace: is told the decision; its rate_headers are set.
        scope: that the token needs, or several of which it needs one.
        policy: rate policy of the route.
        cost: points that the request costs.
        workspace: out of the path.

    Raises:
        Problem: 401, 403, 404 where a JWT is not for the workspace, 429 or 503.
    """
    sender = peer(request, services.settings.trusted_proxies)
    token = bearer_token(request.headers)
    if token is None:
        await admit_open(services, trace, sender, ANONYMOUS)
        raise Problem(
            401,
            "token_required",
            "send a token: Authorization: Bearer <token>",
            headers={"WWW-Authenticate": 'Bearer realm="quire"'},
        )
    asker = await _asker(services, trace, token, workspace, sender)
    costs = {policy: cost}
    try:
        admission = await services.limiter.admit(trace, asker, costs)
    except DATABASE_ERRORS as error:
        raise from_database(error) from error
    trace.user_id, trace.token_id = admission.user_id, admission.token_id
    check_limits(trace, admission)
    if admission.decision == "unknown_subject":
        raise Problem(
            401,
            "subject_unknown",
            "the token is good, but whom it names is no user here, or not any more: `quire user link` makes it one",
            headers={"WWW-Authenticate": 'Bearer realm="quire", error="invalid_token"'},
        )
    if admission.user_id is None:
        raise Problem(
            401,
            "token_invalid",
            "the token is unknown, expired or revoked: make another with `quire token create`",
            headers={"WWW-Authenticate": 'Bearer realm="quire", error="invalid_token"'},
        )
    needed = (scope,) if isinstance(scope, str) else scope
    if not set(needed).intersection(admission.scopes or ()):
        raise Problem(
            403,
            "insufficient_scope",
            f"the token lacks the scope {' or '.join(needed)}",
            {"scope_required": needed[0]},
            {"WWW-Authenticate": f'Bearer realm="quire", error="insufficient_scope", scope="{needed[0]}"'},
        )
    if workspace is not None and asker.only is not None and workspace not in asker.only:
        # In the words of core.check_member: outside the claim looks like any other that is not the caller's.
        raise Problem(
            404,
            "workspace_not_found",
            "no such workspace, or you are not a member of it",
            {"workspace_id": str(workspace)},
        )
    return Admitted(admission.user_id, admission.token_id, admission, asker, costs)


def is_known(request: Request, services: Services) -> bool:
    """Whether the request has a token that was good in this process a while ago."""
    token = bearer_token(request.headers)
    return token is not None and services.limiter.knows(_digest(token))


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


async def _asker(services: Services, trace: Trace, token: str, workspace: UUID | None, sender: str) -> Asker:
    """Who sends this token. A JWT that must not be believed costs its peer what an unknown token does."""
    digest = _digest(token)
    try:
        subject = await services.identity.subject(token)
    except Problem as problem:
        if problem.status == 401:
            await admit_open(services, trace, sender, ANONYMOUS)
        raise
    return Asker(digest, workspace, sender, subject)


async def admit_open(services: Services, trace: Trace, sender: str, policy: str) -> None:
    """Count a request without a token by its peer; lets it in where the limiter cannot be asked.

    Raises:
        Problem: 429 or 503.
    """
    admission = await services.limiter.admit_open(trace, sender, policy)
    if admission is not None:
        check_limits(trace, admission)


def check_limits(trace: Trace, admission: Admission) -> None:
    """Note a decision for the log and the answer's headers.

    Raises:
        Problem: 429, or 503 when the limiter is out of order and its policy is closed then.
    """
    trace.decision = admission.decision
    trace.rate_headers = rate_headers(admission, time.time())
    if admission.decision == "failed_closed":
        raise unavailable("rate_limiter_unavailable", "the rate limiter does not answer: repeat the request")
    if admission.decision in REFUSED:
        wait = max(admission.retry_after or 1, 1)
        raise Problem(
            429,
            "rate_limited",
            f"over {admission.points} points in {admission.window_seconds} s ({admission.policy}): wait {wait} s",
            {
                "policy": admission.policy,
                "limit": admission.points,
                "window": admission.window_seconds,
                "retry_after": wait,
            },
            {"Retry-After": str(wait)},
        )


async def refund_replayed(services: Services, trace: Trace, admitted: Admitted) -> None:
    """Give back what a repeated request took: the first one was counted. Before the answer, whose headers tell.

    It answers what is there, so it counts as reading does. A client that repeats more than it may read pays in full.
    """
    if await services.limiter.refund(trace, admitted.asker, admitted.admission, admitted.costs, REPLAYS):
        _tell_refund(trace, admitted)


def refund_failed(services: Services, trace: Trace, admitted: Admitted) -> None:
    """Give back what a request took that failed by our fault, beside the answer."""
    services.limiter.refund_later(trace, admitted.asker, admitted.admission, admitted.costs)
    _tell_refund(trace, admitted)


def _tell_refund(trace: Trace, admitted: Admitted) -> None:
    cost = admitted.costs.get(admitted.admission.policy or "", 0)
    trace.rate_headers = rate_headers(refunded(admitted.admission, cost), time.time())


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
    refused = admission.decision in REFUSED
    remaining = 0 if refused else admission.remaining
    reset = max(admission.retry_after or 1, 1) if refused else admission.reset_seconds
    return {
        "X-RateLimit-Limit": str(admission.points),
        "X-RateLimit-Remaining": str(remaining),
        "X-RateLimit-Reset": str(math.ceil(now + reset)),
        "RateLimit-Policy": f'"{admission.policy}";q={admission.points};w={admission.window_seconds}',
        "RateLimit": f'"{admission.policy}";r={remaining};t={reset}',
    }

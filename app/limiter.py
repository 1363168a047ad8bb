"""The rate limiter as requests see it: asked once each, remembers blocks, gives back what failed."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from uuid import UUID

import psycopg
import psycopg_pool

from app.calls import Admission, Calls, Observer
from app.identity import Subject
from app.metrics import Metrics
from app.refusals import Refusals

log = logging.getLogger("app.limiter")

ANONYMOUS = "anonymous"
"""Policy of requests that come without a valid token; api.admit knows it by this name, too."""

REFUSED = frozenset({"limited", "blocked"})
_ERRORS = (psycopg.Error, psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests, psycopg_pool.PoolClosed, TimeoutError)
_KNOWN_TOKENS = 10_000
_OPEN_SECONDS = 1.0  # for requests that are answered without the database, too
_REFUND_SECONDS = 5.0
_MOST_REFUNDS = 100  # at once; a database that is down fails every save


@dataclass(frozen=True)
class Asker:
    """Who asks.

    Attributes:
        token_hash: sha256 of the token; None without one.
        workspace: out of the path.
        peer: see app.peers.
        subject: whom the token, a verified JWT, is about; None for a token of Quire's own.
    """

    token_hash: bytes | None
    workspace: UUID | None
    peer: str
    subject: Subject | None = None

    @property
    def only(self) -> frozenset[UUID] | None:
        """Workspaces that a JWT narrows its user to; None: all."""
        return None if self.subject is None else self.subject.workspaces


class Limiter:
    """Asks api.admit for one process. For one event loop."""

    def __init__(
        self,
        calls: Calls,
        metrics: Metrics,
        most_refusals: int,
        create_users: bool = False,
        workspace_role: str | None = None,
    ) -> None:
        """For one process.

        Args:
            calls: to the database.
            metrics: where decisions are counted.
            most_refusals: blocks remembered.
            create_users: whether a JWT's unknown subject gets a user.
            workspace_role: what a JWT's subject becomes in the workspaces that its claim names; None: nothing.
        """
        self._calls = calls
        self._metrics = metrics
        self._create_users, self._workspace_role = create_users, workspace_role
        self._refusals = Refusals(most_refusals)
        self._known: OrderedDict[bytes, None] = OrderedDict()
        self._refunds: set[asyncio.Task[object]] = set()

    async def admit(self, observer: Observer, asker: Asker, costs: Mapping[str, int]) -> Admission:
        """The decision on one request, the row that decides first.

        A peer that is blocked for tokens that are none is refused without asking for its next one, unless that was
        good a while ago: the neighbours of who tries out tokens behind one address go on working.

        Args:
            observer: is told of the call.
            asker: who asks.
            costs: points by policy.

        Raises:
            psycopg.Error, psycopg_pool errors: as app.calls.Calls.
        """
        names = tuple(costs)
        key = (asker.token_hash, names, asker.workspace, asker.peer)
        refused = self._refusals.find(key)
        if refused is None and asker.token_hash is not None and not self.knows(asker.token_hash):
            refused = self._refusals.find(_anonymous(asker.peer))
        if refused is not None:
            self._metrics.rate_limit_cached.inc()
            self._count(refused)
            return refused
        asked = time.monotonic()
        admission = await self._ask(observer, asker, costs)
        self._count(admission)
        if admission.user_id is not None and asker.token_hash is not None:
            self._remember(asker.token_hash)
        elif asker.token_hash is not None:
            self._known.pop(asker.token_hash, None)
            key = _anonymous(asker.peer)
        self._refusals.keep(key, asked, admission)
        return admission

    def knows(self, token_hash: bytes) -> bool:
        """Whether a token was good in this process a while ago."""
        return token_hash in self._known

    async def _ask(self, observer: Observer, asker: Asker, costs: Mapping[str, int]) -> Admission:
        asked = (list(costs), list(costs.values()), asker.workspace, asker.peer)
        if asker.subject is None:
            return await self._calls.admit(observer, asker.token_hash, *asked)
        subject, named = asker.subject, asker.only is not None and asker.workspace in asker.only
        role = self._workspace_role if named else None
        return await self._calls.admit_subject(
            observer, subject.issuer, subject.name, subject.scopes, *asked, self._create_users, role
        )

    async def admit_open(self, observer: Observer, peer: str, policy: str) -> Admission | None:
        """The decision on a request without a token that is answered even without the database: None then."""
        try:
            async with asyncio.timeout(_OPEN_SECONDS):
                return await self.admit(observer, Asker(None, None, peer), {policy: 1})
        except _ERRORS:
            self._metrics.rate_limit_failures.labels(policy, "open").inc()
            return None

    async def refund(
        self,
        observer: Observer,
        asker: Asker,
        admission: Admission,
        costs: Mapping[str, int],
        instead: str | None = None,
    ) -> bool:
        """Give back what a request took. Never raises: a refund that fails costs its user a point for a window.

        Args:
            observer: is told of the call.
            asker: who asked.
            admission: what was said.
            costs: points by policy.
            instead: policy that it counts by instead, with one point; without room there, nothing comes back.

        Returns:
            Whether something came back.
        """
        taken = [each for each in (admission, *admission.others) if each.hit_at is not None and each.policy in costs]
        if not taken:
            return False
        outcome = "failed"
        try:
            async with asyncio.timeout(_REFUND_SECONDS):
                points = await self._calls.refund(
                    observer,
                    asker.workspace,
                    admission.user_id,
                    # what is counted per token is counted by user where there is none
                    admission.token_id or admission.user_id,
                    asker.peer,
                    [each.policy or "" for each in taken],
                    [costs[each.policy or ""] for each in taken],
                    [each.hit_at for each in taken if each.hit_at is not None],
                    instead,
                )
            outcome = "done" if points else "kept"
        except _ERRORS as error:
            log.debug("refund failed", extra={"cause": type(error).__name__})
        for each in taken:
            self._metrics.rate_limit_refunds.labels(each.policy, outcome).inc()
        return outcome == "done"

    def refund_later(self, observer: Observer, asker: Asker, admission: Admission, costs: Mapping[str, int]) -> None:
        """The same, beside the answer: what failed may well be the database."""
        if len(self._refunds) >= _MOST_REFUNDS:
            return
        task: asyncio.Task[object] = asyncio.get_running_loop().create_task(
            self.refund(observer, asker, admission, costs)
        )
        self._refunds.add(task)
        task.add_done_callback(self._refunds.discard)

    async def stop(self) -> None:
        """Wait a moment for refunds under way, then give them up."""
        if self._refunds:
            _, late = await asyncio.wait(self._refunds, timeout=1)
            for task in late:
                task.cancel()

    def _count(self, admission: Admission) -> None:
        for each in (admission, *admission.others):
            if each.policy is None:
                continue
            self._metrics.rate_limits.labels(each.policy, each.decision).inc()
            if each.decision.startswith("failed_"):
                self._metrics.rate_limit_failures.labels(each.policy, each.decision.removeprefix("failed_")).inc()

    def _remember(self, token_hash: bytes) -> None:
        self._known[token_hash] = None
        self._known.move_to_end(token_hash)
        if len(self._known) > _KNOWN_TOKENS:
            self._known.popitem(last=False)


def refunded(admission: Admission, cost: int) -> Admission:
    """What the admission would have said without this request: for the headers of a refunded answer."""
    if admission.remaining is None or admission.points is None or admission.hit_at is None:
        return admission
    return replace(admission, remaining=min(admission.remaining + cost, admission.points))


def _anonymous(peer: str) -> tuple[None, tuple[str, ...], None, str]:
    return None, (ANONYMOUS,), None, peer

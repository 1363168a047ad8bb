"""One typed function for each function of schema ``api``, and nothing else that talks SQL in the HTTP layer.

Every call is one autocommit statement: no BEGIN, no session state. It survives PgBouncer's transaction pooling, and is
what Citus can delegate to a worker node. A test compares FUNCTIONS with pg_proc in both directions.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import tuple_row

from db.pool import Pool

_RETRIED = frozenset({"40001", "40P01"})
_LOST = ("57P0", "08")
_RETRIES = 2


class Observer(Protocol):
    """Is told of every call, for metrics and logs."""

    def called(self, function: str, seconds: float, sqlstate: str | None) -> None:
        """A call ended. sqlstate: of its error, ``connection`` when it was lost, None when it went well."""
        ...


@dataclass(frozen=True)
class Function:
    """A function of schema api as this release calls it.

    Attributes:
        name: without its schema.
        arguments: SQL types in order.
        columns: names of the columns of its result in order; empty for a scalar.
        repeatable: whether it may be called again when the connection was lost and nobody knows how far it came.
    """

    name: str
    arguments: tuple[str, ...]
    columns: tuple[str, ...]
    repeatable: bool

    def statement(self) -> sql.Composed:
        """``select .. from api.name($1::type, ..)``."""
        return sql.SQL("select {} from {}({})").format(
            sql.SQL(", ").join(map(sql.Identifier, self.columns)) if self.columns else sql.SQL("*"),
            sql.Identifier("api", self.name),
            sql.SQL(", ").join(sql.SQL("%s::") + sql.SQL(kind) for kind in self.arguments),  # pyright: ignore[reportArgumentType]
        )


def _function(name: str, arguments: str, columns: str, repeatable: bool = True) -> Function:
    return Function(name, tuple(arguments.split(", ")) if arguments else (), tuple(columns.split()), repeatable)


_ADMIT = _function(
    "admit",
    "bytea, text[], integer[], uuid, text",
    "decision user_id token_id scopes policy points remaining window_seconds reset_seconds retry_after hit_at",
)
# Not a second time: what it gave back is gone from the log, and would not be found again.
_ADMIT_SUBJECT = _function(
    "admit_subject",
    "text, text, text[], text[], integer[], uuid, text, boolean, text",
    " ".join(_ADMIT.columns),
)
_REFUND = _function(
    "refund", "uuid, uuid, uuid, text, text[], integer[], timestamp with time zone[], text", "points", False
)
_WRITTEN = "status page_id version blocks replayed body"
_CREATE_PAGE = _function("create_page", "uuid, uuid, text, smallint, text, text", _WRITTEN, False)
_GET_PAGE = _function("get_page", "uuid, uuid, uuid, bigint[]", "version body")
_GET_PAGE_VERSION = _function("get_page_version", "uuid, uuid, uuid, bigint, bigint[]", "version body")
_GET_PAGE_SINCE = _function("get_page_since", "uuid, uuid, uuid, bigint, bigint[]", "version body")
_LIST_PAGE_CHANGES = _function("list_page_changes", "uuid, uuid, uuid, bigint, integer", "body")
_DIFF_PAGE = _function("diff_page", "uuid, uuid, uuid, bigint, bigint", "body")
_RESTORE_PAGE = _function("restore_page", "uuid, uuid, uuid, text[], bigint, text, text", _WRITTEN, False)
_NAME_VERSION = _function("name_version", "uuid, uuid, uuid, text, bigint", "created body")
_UNNAME_VERSION = _function("unname_version", "uuid, uuid, uuid, text", "version", False)
_LIST_VERSIONS = _function("list_versions", "uuid, uuid, uuid", "body")
_LIST_PAGES = _function("list_pages", "uuid, uuid, integer, text, interval", "body")
_PUT_PAGE = _function("put_page", "uuid, uuid, uuid, text[], bigint, text, smallint, text, text", _WRITTEN, False)
_PATCH_PAGE = _function(
    "patch_page", "uuid, uuid, uuid, text[], bigint, text, text, smallint, text, text", _WRITTEN, False
)
_DELETE_PAGE = _function("delete_page", "uuid, uuid, uuid, text[], text", _WRITTEN, False)
_BATCH_PAGES = _function("batch_pages", "uuid, uuid, text, smallint, text, text", _WRITTEN, False)
_SEARCH = _function("search", "uuid, uuid, text, text, text, integer, text, text", "body degraded")
_ADMIN_INDEXING_STATE = _function("admin_indexing_state", "uuid, uuid", "body")
_ADMIN_LIST_INDEXING_ENTRIES = _function("admin_list_indexing_entries", "uuid, uuid, jsonb, integer, text", "body")
_ADMIN_LIST_DEAD_LETTERS = _function("admin_list_dead_letters", "uuid, uuid, jsonb, integer, text", "body")
_ADMIN_GROUP_DEAD_LETTERS = _function("admin_group_dead_letters", "uuid, uuid, jsonb, integer", "body")
_ADMIN_REPLAY_DEAD_LETTERS = _function("admin_replay_dead_letters", "uuid, uuid, text", "body", False)
_ADMIN_DISCARD_DEAD_LETTERS = _function("admin_discard_dead_letters", "uuid, uuid, text", "body", False)
_ADMIN_PAUSE_INDEXING = _function("admin_pause_indexing", "uuid, uuid, text", "body")
_ADMIN_RESUME_INDEXING = _function("admin_resume_indexing", "uuid, uuid", "body")
_ADMIN_LIST_LIMITS = _function("admin_list_limits", "uuid, uuid", "body")
_ADMIN_LIST_LIMITED = _function("admin_list_limited", "uuid, uuid, integer", "body")
_ADMIN_UNBLOCK_LIMIT = _function("admin_unblock_limit", "uuid, uuid, text", "body", False)
_GET_ME = _function("get_me", "uuid, uuid, text[], uuid[], integer, text", "body")
_GET_WORKSPACE = _function("get_workspace", "uuid, uuid, uuid", "body")
_RENAME_WORKSPACE = _function("rename_workspace", "uuid, uuid, uuid, text", "body")
_LIST_MEMBERS = _function("list_members", "uuid, uuid, uuid, integer, text", "body")
_GET_MEMBER = _function("get_member", "uuid, uuid, uuid, uuid", "body")
_PUT_MEMBER = _function("put_member", "uuid, uuid, uuid, uuid, text", "created body")
_REMOVE_MEMBER = _function("remove_member", "uuid, uuid, uuid, uuid", "user_id", False)
_ADMIN_CREATE_WORKSPACE = _function("admin_create_workspace", "uuid, uuid, text", "workspace_id body", False)
_ADMIN_LIST_WORKSPACES = _function("admin_list_workspaces", "uuid, uuid, integer, text", "body")
_ADMIN_CREATE_USER = _function("admin_create_user", "uuid, uuid, text", "body", False)
_ADMIN_LIST_USERS = _function("admin_list_users", "uuid, uuid, integer, text", "body")
_ADMIN_CREATE_TOKEN = _function("admin_create_token", "uuid, uuid, bytea, text", "body", False)
_ADMIN_LIST_TOKENS = _function("admin_list_tokens", "uuid, uuid, uuid, integer, text", "body")
_ADMIN_REVOKE_TOKEN = _function("admin_revoke_token", "uuid, uuid, uuid", "revoked")
_ADMIN_ROTATE_TOKEN = _function("admin_rotate_token", "uuid, uuid, uuid, bytea, text", "body", False)
_ADMIN_LIST_AUDIT = _function("admin_list_audit", "uuid, uuid, text, uuid, uuid, integer, text", "body")
_WAKE_INDEXING = _function("wake_indexing", "", "")
_READINESS = _function("readiness", "", "migration")
_EMBEDDING_MODEL = _function("embedding_model", "", "name dimensions config")

FUNCTIONS: tuple[Function, ...] = (
    _ADMIT,
    _ADMIT_SUBJECT,
    _REFUND,
    _CREATE_PAGE,
    _GET_PAGE,
    _GET_PAGE_VERSION,
    _GET_PAGE_SINCE,
    _LIST_PAGE_CHANGES,
    _DIFF_PAGE,
    _RESTORE_PAGE,
    _NAME_VERSION,
    _UNNAME_VERSION,
    _LIST_VERSIONS,
    _LIST_PAGES,
    _PUT_PAGE,
    _PATCH_PAGE,
    _DELETE_PAGE,
    _BATCH_PAGES,
    _SEARCH,
    _ADMIN_INDEXING_STATE,
    _ADMIN_LIST_INDEXING_ENTRIES,
    _ADMIN_LIST_DEAD_LETTERS,
    _ADMIN_GROUP_DEAD_LETTERS,
    _ADMIN_REPLAY_DEAD_LETTERS,
    _ADMIN_DISCARD_DEAD_LETTERS,
    _ADMIN_PAUSE_INDEXING,
    _ADMIN_RESUME_INDEXING,
    _ADMIN_LIST_LIMITS,
    _ADMIN_LIST_LIMITED,
    _ADMIN_UNBLOCK_LIMIT,
    _GET_ME,
    _GET_WORKSPACE,
    _RENAME_WORKSPACE,
    _LIST_MEMBERS,
    _GET_MEMBER,
    _PUT_MEMBER,
    _REMOVE_MEMBER,
    _ADMIN_CREATE_WORKSPACE,
    _ADMIN_LIST_WORKSPACES,
    _ADMIN_CREATE_USER,
    _ADMIN_LIST_USERS,
    _ADMIN_CREATE_TOKEN,
    _ADMIN_LIST_TOKENS,
    _ADMIN_REVOKE_TOKEN,
    _ADMIN_ROTATE_TOKEN,
    _ADMIN_LIST_AUDIT,
    _WAKE_INDEXING,
    _READINESS,
    _EMBEDDING_MODEL,
)
_STATEMENTS = {function.name: function.statement() for function in FUNCTIONS}


@dataclass(frozen=True)
class Admission:
    """What api.admit or api.admit_subject said. Numbers are None where no limit was looked at; times in seconds.

    Attributes:
        hit_at: the time under which points were taken, which a refund names; None where none were.
        others: what further policies said; this is the one that decides.
    """

    decision: str
    user_id: UUID | None
    token_id: UUID | None
    scopes: Sequence[str] | None
    policy: str | None
    points: int | None
    remaining: int | None
    window_seconds: int | None
    reset_seconds: int | None
    retry_after: int | None
    hit_at: datetime | None = None
    others: Sequence[Admission] = ()


@dataclass(frozen=True)
class Written:
    """What a write answers.

    Attributes:
        status: HTTP status; from 400 on, ``body`` is an object with ``code``, ``detail`` and further members.
        page_id: the page; None for a batch.
        version: of the page, its ETag.
        blocks: how many the page has now.
        replayed: whether this is the answer to an earlier request with the same Idempotency-Key.
        body: JSON text; None for no body.
    """

    status: int
    page_id: UUID | None
    version: int | None
    blocks: int | None
    replayed: bool
    body: str | None


class Calls:
    """The functions of schema api over a pool.

    All raise psycopg.Error or psycopg_pool.PoolTimeout and TooManyRequests; app.problems turns them into answers.
    Deadlocks and serialisation failures are tried twice more first. So are lost connections, but not for saves, which
    may have been committed, unless they carry an idempotency key.
    """

    def __init__(self, pool: Pool) -> None:
        """Args: pool: open, or opened before the first call."""
        self._pool = pool

    async def admit(
        self,
        observer: Observer,
        token_hash: bytes | None,
        policies: Sequence[str],
        costs: Sequence[int],
        workspace: UUID | None,
        peer: str,
    ) -> Admission:
        """Who is it, and is it within its limits. token_hash: sha256, 32 bytes, None without a token; costs: points."""
        rows = await self._rows(observer, _ADMIT, token_hash, list(policies), list(costs), workspace, peer)
        return _decided(rows)

    async def admit_subject(
        self,
        observer: Observer,
        issuer: str,
        subject: str,
        scopes: Sequence[str],
        policies: Sequence[str],
        costs: Sequence[int],
        workspace: UUID | None,
        peer: str,
        create: bool,
        role: str | None,
    ) -> Admission:
        """As admit, for the subject of a verified JWT.

        Args:
            observer: is told of the call.
            issuer: claim iss.
            subject: who, at that issuer.
            scopes: out of the claims.
            policies: rate policies; none only authenticates.
            costs: points of each.
            workspace: out of the path.
            peer: address of the client.
            create: whether an unknown subject gets a user.
            role: what the subject becomes in the workspace where it is no member; None: nothing.
        """
        rows = await self._rows(
            observer,
            _ADMIT_SUBJECT,
            *(issuer, subject, list(scopes), list(policies), list(costs), workspace, peer, create, role),
        )
        return _decided(rows)

    async def refund(
        self,
        observer: Observer,
        workspace: UUID | None,
        actor: UUID | None,
        token: UUID | None,
        peer: str,
        policies: Sequence[str],
        costs: Sequence[int],
        hits: Sequence[datetime],
        instead: str | None,
    ) -> int:
        """Give points back that a request took; how many came back.

        Args:
            observer: is told of the call.
            workspace: out of the path.
            actor: id of the user.
            token: id of the token.
            peer: see app.peers.
            policies: that took points.
            costs: how many, in the order of the policies.
            hits: hit_at of the admissions, in the order of the policies.
            instead: policy that the request counts by instead, with one point; None: none.
        """
        taken = (list(policies), list(costs), list(hits))
        return (await self._row(observer, _REFUND, workspace, actor, token, peer, *taken, instead))[0]

    async def create_page(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        document: str,
        priority: int,
        preferred: str | None,
        key: str | None,
    ) -> Written:
        """Create a page. preferred: ``minimal``, ``representation`` or None; key: of idempotency, or None."""
        return await self._write(observer, _CREATE_PAGE, workspace, actor, document, priority, preferred, key)

    async def get_page(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, known_versions: Sequence[int]
    ) -> tuple[int, str | None]:
        """Version, and the document as JSON text: None when the version is one of known_versions."""
        version, body = await self._row(observer, _GET_PAGE, workspace, actor, page, list(known_versions))
        return version, body

    async def get_page_version(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, version: int, known: Sequence[int]
    ) -> tuple[int, str | None]:
        """The document at a version as JSON text; None when that version is among the known ones."""
        version, body = await self._row(observer, _GET_PAGE_VERSION, workspace, actor, page, version, known)
        return version, body

    async def get_page_since(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, since: int, known: Sequence[int]
    ) -> tuple[int, str | None]:
        """The newest version, and what changed since another as JSON text; None when the newest is known."""
        version, body = await self._row(observer, _GET_PAGE_SINCE, workspace, actor, page, since, known)
        return version, body

    async def list_page_changes(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, since: int | None, limit: int
    ) -> str:
        """The log after a version (None: as far back as it goes) as JSON text."""
        return (await self._row(observer, _LIST_PAGE_CHANGES, workspace, actor, page, since, limit))[0]

    async def diff_page(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, start: int, end: int | None
    ) -> str:
        """The patch from one version to another (None: the newest) as JSON text."""
        return (await self._row(observer, _DIFF_PAGE, workspace, actor, page, start, end))[0]

    async def restore_page(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        page: UUID,
        if_match: Sequence[str] | None,
        version: int,
        preferred: str | None,
        key: str | None,
    ) -> Written:
        """Make a new version with the content of an older one. if_match: None when the header is absent."""
        return await self._write(observer, _RESTORE_PAGE, workspace, actor, page, if_match, version, preferred, key)

    async def name_version(
        self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, name: str, version: int | None
    ) -> tuple[bool, str]:
        """Name a version (None: the newest); whether the name is new, and it as JSON text."""
        created, body = await self._row(observer, _NAME_VERSION, workspace, actor, page, name, version)
        return created, body

    async def unname_version(self, observer: Observer, workspace: UUID, actor: UUID, page: UUID, name: str) -> int:
        """Take a name off; the version it named."""
        return (await self._row(observer, _UNNAME_VERSION, workspace, actor, page, name))[0]

    async def list_versions(self, observer: Observer, workspace: UUID, actor: UUID, page: UUID) -> str:
        """The named versions as JSON text."""
        return (await self._row(observer, _LIST_VERSIONS, workspace, actor, page))[0]

    async def list_pages(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        limit: int,
        cursor: str | None,
        updated_within: timedelta | None,
    ) -> str:
        """A part of the list as JSON text."""
        return (await self._row(observer, _LIST_PAGES, workspace, actor, limit, cursor, updated_within))[0]

    async def put_page(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        page: UUID,
        if_match: Sequence[str] | None,
        base_version: int | None,
        document: str,
        priority: int,
        preferred: str | None,
        key: str | None,
    ) -> Written:
        """Save a whole document. if_match: None when the header is absent."""
        return await self._write(
            observer,
            _PUT_PAGE,
            *(workspace, actor, page, if_match, base_version, document, priority, preferred, key),
        )

    async def patch_page(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        page: UUID,
        if_match: Sequence[str] | None,
        base_version: int | None,
        patch: str,
        kind: str,
        priority: int,
        preferred: str | None,
        key: str | None,
    ) -> Written:
        """Save a patch. kind: ``patch`` (RFC 6902) or ``merge`` (RFC 7396)."""
        return await self._write(
            observer,
            _PATCH_PAGE,
            *(workspace, actor, page, if_match, base_version, patch, kind, priority, preferred, key),
        )

    async def delete_page(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        page: UUID,
        if_match: Sequence[str] | None,
        key: str | None,
    ) -> Written:
        """Delete a page; the version that this made."""
        return await self._write(observer, _DELETE_PAGE, workspace, actor, page, if_match, key)

    async def batch_pages(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        batch: str,
        priority: int,
        preferred: str | None,
        key: str | None,
    ) -> Written:
        """Save patches of several pages."""
        return await self._write(observer, _BATCH_PAGES, workspace, actor, batch, priority, preferred, key)

    async def search(
        self,
        observer: Observer,
        workspace: UUID,
        actor: UUID,
        query: str | None,
        mode: str,
        contains: str | None,
        limit: int,
        model: str | None,
        embedding: str | None,
    ) -> tuple[str, bool]:
        """Hits as JSON text, and whether the embedding was of no use because no worker has registered its model yet.

        embedding: the query's vector as text, ``[0.1,..]``, of that model.
        """
        return await self._row(observer, _SEARCH, workspace, actor, query, mode, contains, limit, model, embedding)

    async def admin_indexing_state(self, observer: Observer, actor: UUID, token: UUID | None) -> str:
        """The state of the indexing queue as JSON text. token: id of the operator's token, here and below."""
        return (await self._row(observer, _ADMIN_INDEXING_STATE, actor, token))[0]

    async def admin_list_indexing_entries(
        self, observer: Observer, actor: UUID, token: UUID | None, filter_json: str, limit: int, cursor: str | None
    ) -> str:
        """Entries of the indexing queue that match a filter (JSON text) as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_INDEXING_ENTRIES, actor, token, filter_json, limit, cursor))[0]

    async def admin_list_dead_letters(
        self, observer: Observer, actor: UUID, token: UUID | None, filter_json: str, limit: int, cursor: str | None
    ) -> str:
        """Dead letters that match a filter (JSON text) as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_DEAD_LETTERS, actor, token, filter_json, limit, cursor))[0]

    async def admin_group_dead_letters(
        self, observer: Observer, actor: UUID, token: UUID | None, filter_json: str, limit: int
    ) -> str:
        """Groups of dead letters that match a filter (JSON text) as JSON text."""
        return (await self._row(observer, _ADMIN_GROUP_DEAD_LETTERS, actor, token, filter_json, limit))[0]

    async def admin_replay_dead_letters(
        self, observer: Observer, actor: UUID, token: UUID | None, selection: str
    ) -> str:
        """Put dead letters back into the queue. selection: the request's body."""
        return (await self._row(observer, _ADMIN_REPLAY_DEAD_LETTERS, actor, token, selection))[0]

    async def admin_discard_dead_letters(
        self, observer: Observer, actor: UUID, token: UUID | None, selection: str
    ) -> str:
        """Give dead letters up. selection: the request's body."""
        return (await self._row(observer, _ADMIN_DISCARD_DEAD_LETTERS, actor, token, selection))[0]

    async def admin_pause_indexing(self, observer: Observer, actor: UUID, token: UUID | None, reason: str) -> str:
        """Keep workers from claiming; the state as JSON text. reason: the request's body."""
        return (await self._row(observer, _ADMIN_PAUSE_INDEXING, actor, token, reason))[0]

    async def admin_resume_indexing(self, observer: Observer, actor: UUID, token: UUID | None) -> str:
        """Let workers claim again; the state as JSON text."""
        return (await self._row(observer, _ADMIN_RESUME_INDEXING, actor, token))[0]

    async def admin_list_limits(self, observer: Observer, actor: UUID, token: UUID | None) -> str:
        """The rate policies as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_LIMITS, actor, token))[0]

    async def admin_list_limited(self, observer: Observer, actor: UUID, token: UUID | None, limit: int) -> str:
        """Who is limited now or close to it as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_LIMITED, actor, token, limit))[0]

    async def admin_unblock_limit(self, observer: Observer, actor: UUID, token: UUID | None, selection: str) -> str:
        """Give a key its points back. selection: the request's body."""
        return (await self._row(observer, _ADMIN_UNBLOCK_LIMIT, actor, token, selection))[0]

    async def get_me(
        self,
        observer: Observer,
        actor: UUID,
        token: UUID | None,
        scopes: Sequence[str],
        only: Sequence[UUID] | None,
        limit: int,
        cursor: str | None,
    ) -> str:
        """Who the caller is as JSON text. only: workspaces that its JWT names, None for all."""
        return (await self._row(observer, _GET_ME, actor, token, list(scopes), only, limit, cursor))[0]

    async def get_workspace(self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None) -> str:
        """A workspace as JSON text."""
        return (await self._row(observer, _GET_WORKSPACE, workspace, actor, token))[0]

    async def rename_workspace(
        self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None, text: str
    ) -> str:
        """Rename a workspace; it as JSON text. text: the request's body, here and below."""
        return (await self._row(observer, _RENAME_WORKSPACE, workspace, actor, token, text))[0]

    async def list_members(
        self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None, limit: int, cursor: str | None
    ) -> str:
        """Members of a workspace as JSON text."""
        return (await self._row(observer, _LIST_MEMBERS, workspace, actor, token, limit, cursor))[0]

    async def get_member(self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None, user: UUID) -> str:
        """A member as JSON text."""
        return (await self._row(observer, _GET_MEMBER, workspace, actor, token, user))[0]

    async def put_member(
        self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None, user: UUID, text: str
    ) -> tuple[bool, str]:
        """Make a user a member or change its role; whether it was none, and the member as JSON text."""
        created, body = await self._row(observer, _PUT_MEMBER, workspace, actor, token, user, text)
        return created, body

    async def remove_member(
        self, observer: Observer, workspace: UUID, actor: UUID, token: UUID | None, user: UUID
    ) -> None:
        """Take a user out of a workspace."""
        await self._row(observer, _REMOVE_MEMBER, workspace, actor, token, user)

    async def admin_create_workspace(
        self, observer: Observer, actor: UUID, token: UUID | None, text: str
    ) -> tuple[UUID, str]:
        """Make a workspace; its id, and it as JSON text."""
        workspace, body = await self._row(observer, _ADMIN_CREATE_WORKSPACE, actor, token, text)
        return workspace, body

    async def admin_list_workspaces(
        self, observer: Observer, actor: UUID, token: UUID | None, limit: int, cursor: str | None
    ) -> str:
        """Workspaces of the installation as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_WORKSPACES, actor, token, limit, cursor))[0]

    async def admin_create_user(self, observer: Observer, actor: UUID, token: UUID | None, text: str) -> str:
        """Make a user; it as JSON text."""
        return (await self._row(observer, _ADMIN_CREATE_USER, actor, token, text))[0]

    async def admin_list_users(
        self, observer: Observer, actor: UUID, token: UUID | None, limit: int, cursor: str | None
    ) -> str:
        """Users of the installation as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_USERS, actor, token, limit, cursor))[0]

    async def admin_create_token(
        self, observer: Observer, actor: UUID, token: UUID | None, token_hash: bytes, text: str
    ) -> str:
        """Register a token by its sha256; its description as JSON text."""
        return (await self._row(observer, _ADMIN_CREATE_TOKEN, actor, token, token_hash, text))[0]

    async def admin_list_tokens(
        self,
        observer: Observer,
        actor: UUID,
        token: UUID | None,
        user: UUID | None,
        limit: int,
        cursor: str | None,
    ) -> str:
        """Tokens of a user (None: of all) as JSON text."""
        return (await self._row(observer, _ADMIN_LIST_TOKENS, actor, token, user, limit, cursor))[0]

    async def admin_revoke_token(self, observer: Observer, actor: UUID, token: UUID | None, revoked: UUID) -> bool:
        """Revoke a token; whether it was valid until now."""
        return (await self._row(observer, _ADMIN_REVOKE_TOKEN, actor, token, revoked))[0]

    async def admin_rotate_token(
        self, observer: Observer, actor: UUID, token: UUID | None, rotated: UUID, token_hash: bytes, text: str
    ) -> str:
        """Put a new token, by its sha256, in place of another; its description as JSON text."""
        return (await self._row(observer, _ADMIN_ROTATE_TOKEN, actor, token, rotated, token_hash, text))[0]

    async def admin_list_audit(
        self,
        observer: Observer,
        actor: UUID,
        token: UUID | None,
        action: str | None,
        workspace: UUID | None,
        user: UUID | None,
        limit: int,
        cursor: str | None,
    ) -> str:
        """The audit log as JSON text; action, workspace and user (who did it) narrow it down."""
        return (await self._row(observer, _ADMIN_LIST_AUDIT, actor, token, action, workspace, user, limit, cursor))[0]

    async def wake_indexing(self, observer: Observer) -> bool:
        """Tell a worker that there is something to index; whether that was news."""
        return (await self._row(observer, _WAKE_INDEXING))[0]

    async def readiness(self, observer: Observer) -> int | None:
        """Number of the newest applied migration."""
        return (await self._row(observer, _READINESS))[0]

    async def embedding_model(self, observer: Observer) -> tuple[str, int, str]:
        """The active embedding model: name, dimensions, its configuration as JSON text."""
        return await self._row(observer, _EMBEDDING_MODEL)  # pyright: ignore[reportReturnType]

    async def _write(self, observer: Observer, function: Function, *arguments: Any) -> Written:
        # With a key even a lost answer may be asked for again.
        return Written(*await self._row(observer, function, *arguments, repeatable=arguments[-1] is not None))

    async def _row(
        self, observer: Observer, function: Function, *arguments: Any, repeatable: bool = False
    ) -> tuple[Any, ...]:
        return (await self._rows(observer, function, *arguments, repeatable=repeatable))[0]

    async def _rows(
        self, observer: Observer, function: Function, *arguments: Any, repeatable: bool = False
    ) -> list[tuple[Any, ...]]:
        attempt = 0
        while True:
            start = time.perf_counter()
            state: str | None = "connection"
            try:
                async with self._pool.connection() as connection:
                    start = time.perf_counter()
                    cursor = connection.cursor(row_factory=tuple_row)
                    await cursor.execute(_STATEMENTS[function.name], arguments)
                    rows = await cursor.fetchall()
                state = None
                if not rows:
                    raise psycopg.DataError(f"api.{function.name} gave no row")
                return rows
            except psycopg.Error as error:
                state = error.sqlstate or "connection"
                lost = state == "connection" or state.startswith(_LOST)
                if not (state in _RETRIED or (lost and (function.repeatable or repeatable))) or attempt >= _RETRIES:
                    raise
            finally:
                observer.called(function.name, time.perf_counter() - start, state)
            attempt += 1
            # Both sides of a deadlock come back at once: not at the same moment again.
            await asyncio.sleep(random.uniform(0.005, 0.03) * attempt)


def _decided(rows: Sequence[tuple[Any, ...]]) -> Admission:
    """The row that decides, the others with it."""
    first, *others = (Admission(*row) for row in rows)
    return replace(first, others=tuple(others)) if others else first

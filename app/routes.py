"""The routes under /v1: from HTTP to one function of schema ``api`` and back. Pages themselves are SQL's business."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from uuid import UUID

from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from app import admin, conditions, history, people
from app.answers import JSON, JSON_PATCH, REPLAYED, etag, json_response, written_response
from app.conditions import is_uuid, uuid_or_404
from app.exchange import (
    DATABASE_ERRORS,
    Exchange,
    Services,
    admit,
    batch_cost,
    is_known,
    refund_failed,
    refund_replayed,
)
from app.problems import Problem, from_database, unavailable
from app.trace import Trace
from db.embedders import Embedder, Outage, Refused, to_text

MERGE_PATCH = "application/merge-patch+json"
_LOAD_PATIENCE = 2.0  # seconds that a search waits for its model to be loaded
_PATCH_KINDS = {JSON_PATCH: "patch", MERGE_PATCH: "merge"}


@dataclass(frozen=True)
class Action:
    """What one method of one path does.

    Attributes:
        handle: makes the answer.
        scope: that the token needs, or several of which it needs one.
        policy: rate policy.
        cost: points of it that a request costs, of the request and the largest body; None: one.
        parameters: query parameters that it knows.
        saves: whether it is a save: counted as one, and followed by a wake-up of the workers.
        wakes: whether a wake-up of the workers follows, though it is no save.
        produces: media type of the answer.
    """

    handle: Callable[[Exchange], Awaitable[Response]]
    scope: str | tuple[str, ...]
    policy: str
    parameters: tuple[str, ...] = ()
    saves: bool = False
    cost: Callable[[Request, int], Awaitable[int]] | None = None
    produces: str = JSON
    wakes: bool = False


async def create_page(exchange: Exchange) -> Response:
    """POST /pages."""
    headers = exchange.request.headers
    _, document = await exchange.body((JSON,), "Accept-Post")
    written = await exchange.calls.create_page(
        exchange.trace, exchange.workspace, exchange.actor, document, *_write_conditions(headers)
    )
    return written_response(
        written, headers, {"Location": f"/v1/workspaces/{exchange.workspace}/pages/{written.page_id}"}
    )


async def list_pages(exchange: Exchange) -> Response:
    """GET /pages."""
    values = exchange.parameters
    body = await exchange.calls.list_pages(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        conditions.integer(values, "limit", 50, 1, 200),
        values.get("cursor"),
        conditions.duration(values, "updated_within"),
    )
    return json_response(body)


async def get_page(exchange: Exchange) -> Response:
    """GET /pages/{page_id}."""
    page, values = exchange.page(), exchange.parameters
    tags = conditions.entity_tags(exchange.request.headers, "If-None-Match") or []
    whole = (exchange.trace, exchange.workspace, exchange.actor, page)
    known = conditions.versions(tags)
    at, since = conditions.version(values, "version"), conditions.version(values, "since", 0)
    if at is not None and since is not None:
        raise Problem(400, "bad_parameter", "give version or since, not both", {"parameter": "since"})
    if at is not None:
        version, body = await exchange.calls.get_page_version(*whole, at, known)
    elif since is not None:
        version, body = await exchange.calls.get_page_since(*whole, since, known)
    else:
        version, body = await exchange.calls.get_page(*whole, known)
    headers = {"ETag": etag(version)}
    if body is None or tags == ["*"]:
        return Response(status_code=304, headers={"Cache-Control": "private, no-cache", **headers})
    return json_response(body, 200, headers)


async def put_page(exchange: Exchange) -> Response:
    """PUT /pages/{page_id}."""
    page = exchange.page()
    headers = exchange.request.headers
    if_match, base_version = _precondition(exchange)
    _, document = await exchange.body((JSON,), "Accept")
    written = await exchange.calls.put_page(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        page,
        if_match,
        base_version,
        document,
        *_write_conditions(headers),
    )
    return written_response(written, headers)


async def patch_page(exchange: Exchange) -> Response:
    """PATCH /pages/{page_id}."""
    page = exchange.page()
    headers = exchange.request.headers
    if_match, base_version = _precondition(exchange)
    media_type, patch = await exchange.body((JSON_PATCH, MERGE_PATCH), "Accept-Patch")
    written = await exchange.calls.patch_page(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        page,
        if_match,
        base_version,
        patch,
        _PATCH_KINDS[media_type],
        *_write_conditions(headers),
    )
    return written_response(written, headers)


async def delete_page(exchange: Exchange) -> Response:
    """DELETE /pages/{page_id}."""
    page = exchange.page()
    headers = exchange.request.headers
    if_match = conditions.entity_tags(headers, "If-Match")
    written = await exchange.calls.delete_page(
        exchange.trace, exchange.workspace, exchange.actor, page, if_match, conditions.idempotency_key(headers)
    )
    return written_response(written, headers, etag_wanted=False)


async def batch_pages(exchange: Exchange) -> Response:
    """POST /pages:batch."""
    headers = exchange.request.headers
    _, batch = await exchange.body((JSON,), "Accept-Post")
    written = await exchange.calls.batch_pages(
        exchange.trace, exchange.workspace, exchange.actor, batch, *_write_conditions(headers)
    )
    return written_response(written, headers, etag_wanted=False)


async def search(exchange: Exchange) -> Response:
    """GET /search."""
    values = exchange.parameters
    mode = conditions.choice(values, "mode", ("hybrid", "text", "vector"))
    limit = conditions.integer(values, "limit", 20, 1, 100)
    query = values.get("q")
    vector: str | None = None
    headers: dict[str, str] = {}
    model: str | None = None
    if mode != "text" and query and query.strip() and len(query) <= 1000:
        embedder = (await exchange.services.models.current())[0]
        model = embedder.name
        try:
            vector = await _embed(embedder, query)
        except Outage as error:
            if mode == "vector":
                wait = max(1, round(error.retry_after))
                raise unavailable(
                    "embedder_unavailable", "the embedding model does not answer", retry_after=wait
                ) from error
            headers["Quire-Degraded"] = "vector"
        except Refused as error:
            if mode == "vector":
                raise Problem(
                    400, "bad_parameter", "the embedding endpoint refuses q: change it", {"parameter": "q"}
                ) from error
            headers["Quire-Degraded"] = "vector"
    body, degraded = await exchange.calls.search(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        query,
        mode,
        values.get("contains"),
        limit,
        model,
        vector,
    )
    if degraded and mode == "vector":
        exchange.services.models.forget()
        raise unavailable("model_not_ready", "the embedding model is being changed", retry_after=5)
    if degraded:
        exchange.services.models.forget()  # the query's model is out of use: the next one is embedded by its successor
        headers["Quire-Degraded"] = "vector"
    return json_response(body, headers=headers)


async def _embed(embedder: Embedder, query: str) -> str | None:
    """The query's vector as text; None for one without words. Outage: also while its model is still being loaded."""
    deadline = time.monotonic() + _LOAD_PATIENCE
    while not embedder.ready:
        embedder.prepare()
        if time.monotonic() >= deadline:
            raise Outage(f"{embedder.name} is being loaded", retry_after=5.0)
        await asyncio.sleep(0.05)
    vectors = await asyncio.to_thread(embedder.embed, [query]) if embedder.remote else embedder.embed([query])
    return to_text(vectors[0]) if vectors[0].any() else None


def _precondition(exchange: Exchange) -> tuple[list[str] | None, int | None]:
    """If-Match, base_version."""
    return (
        conditions.entity_tags(exchange.request.headers, "If-Match"),
        conditions.base_version(exchange.parameters),
    )


def _write_conditions(headers: Headers) -> tuple[int, str | None, str | None]:
    """Priority, preferred return, idempotency key."""
    return conditions.priority(headers), conditions.preferred_return(headers), conditions.idempotency_key(headers)


_PAGES = "/v1/workspaces/{workspace_id}/pages"
_LIST = ("limit", "cursor")
_ANY = ("read", "write", "admin", "metrics", "bypass_rate_limit")
ACTIONS: Mapping[str, Mapping[str, Action]] = {
    _PAGES: {
        "GET": Action(list_pages, "read", "page-read", ("limit", "cursor", "updated_within")),
        "POST": Action(create_page, "write", "page-save", saves=True),
    },
    _PAGES + ":batch": {
        "POST": Action(batch_pages, "write", "page-save", saves=True, cost=batch_cost),
    },
    _PAGES + "/{page_id}": {
        "GET": Action(get_page, "read", "page-read", ("version", "since")),
        "PUT": Action(put_page, "write", "page-save", ("base_version",), saves=True),
        "PATCH": Action(patch_page, "write", "page-save", ("base_version",), saves=True),
        "DELETE": Action(delete_page, "write", "page-save", saves=True),
    },
    _PAGES + "/{page_id}/changes": {
        "GET": Action(history.list_changes, "read", "page-read", ("since", "limit")),
    },
    _PAGES + "/{page_id}/diff": {
        "GET": Action(history.diff_page, "read", "page-read", ("from", "to"), produces=JSON_PATCH),
    },
    _PAGES + "/{page_id}/restore": {
        "POST": Action(history.restore_page, "write", "page-save", saves=True),
    },
    _PAGES + "/{page_id}/versions": {
        "GET": Action(history.list_versions, "read", "page-read"),
    },
    _PAGES + "/{page_id}/versions/{name}": {
        "PUT": Action(history.name_version, "write", "page-save"),
        "DELETE": Action(history.unname_version, "write", "page-save"),
    },
    "/v1/workspaces/{workspace_id}/search": {
        "GET": Action(search, "read", "search", ("q", "mode", "contains", "limit")),
    },
    "/v1/me": {
        "GET": Action(people.get_me, _ANY, "page-read", _LIST),
    },
    "/v1/workspaces": {
        "GET": Action(people.list_workspaces, "admin", "admin", _LIST),
        "POST": Action(people.create_workspace, "admin", "admin"),
    },
    "/v1/workspaces/{workspace_id}": {
        "GET": Action(people.get_workspace, ("read", "admin"), "page-read"),
        "PATCH": Action(people.rename_workspace, ("write", "admin"), "admin"),
    },
    "/v1/workspaces/{workspace_id}/members": {
        "GET": Action(people.list_members, ("read", "admin"), "page-read", _LIST),
    },
    "/v1/workspaces/{workspace_id}/members/{user_id}": {
        "GET": Action(people.get_member, ("read", "admin"), "page-read"),
        "PUT": Action(people.put_member, ("write", "admin"), "admin"),
        "DELETE": Action(people.remove_member, ("write", "admin"), "admin"),
    },
    "/v1/users": {
        "GET": Action(people.list_users, "admin", "admin", _LIST),
        "POST": Action(people.create_user, "admin", "admin"),
    },
    "/v1/tokens": {
        "GET": Action(people.list_tokens, "admin", "admin", ("user_id", *_LIST)),
        "POST": Action(people.create_token, "admin", "admin"),
    },
    # Before the one without `:rotate`, which would take it for an id.
    "/v1/tokens/{token_id}:rotate": {
        "POST": Action(people.rotate_token, "admin", "admin"),
    },
    "/v1/tokens/{token_id}": {
        "DELETE": Action(people.revoke_token, "admin", "admin"),
    },
    "/v1/audit": {
        "GET": Action(people.list_audit, "admin", "admin", ("action", "workspace_id", "user_id", *_LIST)),
    },
    "/v1/indexing": {
        "GET": Action(admin.indexing_state, "admin", "admin"),
    },
    "/v1/indexing/entries": {
        "GET": Action(admin.list_indexing_entries, "admin", "admin", (*admin.ENTRY_FILTER, "limit", "cursor")),
    },
    "/v1/indexing/dead-letters": {
        "GET": Action(admin.list_dead_letters, "admin", "admin", (*admin.DEAD_LETTER_FILTER, "limit", "cursor")),
    },
    "/v1/indexing/dead-letter-groups": {
        "GET": Action(admin.group_dead_letters, "admin", "admin", (*admin.DEAD_LETTER_FILTER, "limit")),
    },
    "/v1/indexing/dead-letters:replay": {
        "POST": Action(admin.replay_dead_letters, "admin", "admin", wakes=True),
    },
    "/v1/indexing/dead-letters:discard": {
        "POST": Action(admin.discard_dead_letters, "admin", "admin"),
    },
    "/v1/indexing/pause": {
        "POST": Action(admin.pause_indexing, "admin", "admin"),
    },
    "/v1/indexing/resume": {
        "POST": Action(admin.resume_indexing, "admin", "admin", wakes=True),
    },
    "/v1/limits": {
        "GET": Action(admin.list_limits, "admin", "admin"),
    },
    "/v1/limits/blocked": {
        "GET": Action(admin.list_limited, "admin", "admin", ("limit",)),
    },
    "/v1/limits:unblock": {
        "POST": Action(admin.unblock_limit, "admin", "admin"),
    },
}
"""Path template -> method -> action. One route a path, so that 405 can name all of its methods."""


def routes() -> list[Route]:
    """The routes for Starlette."""
    return [Route(path, _endpoint(path, actions), methods=sorted(actions)) for path, actions in ACTIONS.items()]


def _endpoint(path: str, actions: Mapping[str, Action]) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        action = actions["GET" if request.method == "HEAD" else request.method]
        trace: Trace = request.scope["quire.trace"]
        services: Services = request.app.state.services
        trace.route = path
        trace.saves = action.saves
        trace.workspace = request.path_params.get("workspace_id")
        conditions.check_accept(request.headers, action.produces)
        workspace = trace.workspace
        named = UUID(workspace) if workspace is not None and is_uuid(workspace) else None
        if action.cost and not is_known(request, services):
            # Whoever it is has to say so before a body is read: only looks, and costs nobody known anything.
            await admit(request, services, trace, action.scope, action.policy, 0, named)
        cost = await action.cost(request, services.settings.max_body_bytes) if action.cost else 1
        admitted = await admit(request, services, trace, action.scope, action.policy, cost, named)
        exchange = Exchange(
            request,
            services,
            trace,
            None if workspace is None else uuid_or_404(workspace, "workspace_not_found", "workspace"),
            admitted.user_id,
            admitted.token_id,
            conditions.parameters(request.query_params, action.parameters),
            admitted.admission.scopes or (),
            admitted.asker.only,
        )
        try:
            response = await action.handle(exchange)
        except ClientDisconnect:
            raise  # counts: nobody but the client knows why
        except Exception as error:
            problem = from_database(error) if isinstance(error, DATABASE_ERRORS) else error
            if not isinstance(problem, Problem):
                refund_failed(services, trace, admitted)  # a fault of ours: 500
                raise
            if problem.status >= 500:
                refund_failed(services, trace, admitted)
            elif REPLAYED in problem.headers:
                await refund_replayed(services, trace, admitted)
            raise problem from (error if problem is not error else error.__cause__)
        if REPLAYED in response.headers:
            await refund_replayed(services, trace, admitted)
        if action.saves or action.wakes:
            services.waker.saved()
        return response

    return endpoint

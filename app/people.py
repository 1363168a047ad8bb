"""Routes for who may do what: the caller itself, workspaces and members, users, tokens, the audit log."""

from __future__ import annotations

import json
from uuid import UUID

from starlette.responses import Response

from app import conditions
from app.answers import JSON, json_response
from app.conditions import uuid_or_404
from app.exchange import Exchange
from app.seed import new_token, token_hash

MERGE_PATCH = "application/merge-patch+json"
_NO_STORE = {"Cache-Control": "no-store"}  # a token is shown once: no cache keeps it


async def get_me(exchange: Exchange) -> Response:
    """GET /v1/me."""
    body = await exchange.calls.get_me(
        exchange.trace,
        exchange.actor,
        exchange.token,
        exchange.scopes,
        None if exchange.only is None else sorted(exchange.only),
        *_page(exchange),
    )
    return json_response(body)


async def create_workspace(exchange: Exchange) -> Response:
    """POST /v1/workspaces."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    workspace, body = await exchange.calls.admin_create_workspace(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body, 201, {"Location": f"/v1/workspaces/{workspace}"})


async def list_workspaces(exchange: Exchange) -> Response:
    """GET /v1/workspaces."""
    body = await exchange.calls.admin_list_workspaces(exchange.trace, exchange.actor, exchange.token, *_page(exchange))
    return json_response(body)


async def get_workspace(exchange: Exchange) -> Response:
    """GET /v1/workspaces/{workspace_id}."""
    return json_response(await exchange.calls.get_workspace(exchange.trace, *_place(exchange)))


async def rename_workspace(exchange: Exchange) -> Response:
    """PATCH /v1/workspaces/{workspace_id}."""
    _, text = await exchange.body((JSON, MERGE_PATCH), "Accept-Patch")
    return json_response(await exchange.calls.rename_workspace(exchange.trace, *_place(exchange), text))


async def list_members(exchange: Exchange) -> Response:
    """GET /v1/workspaces/{workspace_id}/members."""
    return json_response(await exchange.calls.list_members(exchange.trace, *_place(exchange), *_page(exchange)))


async def get_member(exchange: Exchange) -> Response:
    """GET /v1/workspaces/{workspace_id}/members/{user_id}."""
    user = uuid_or_404(exchange.request.path_params["user_id"], "member_not_found", "member of this workspace")
    return json_response(await exchange.calls.get_member(exchange.trace, *_place(exchange), user))


async def put_member(exchange: Exchange) -> Response:
    """PUT /v1/workspaces/{workspace_id}/members/{user_id}."""
    user = uuid_or_404(exchange.request.path_params["user_id"], "user_not_found", "user")
    _, text = await exchange.body((JSON,), "Accept")
    created, body = await exchange.calls.put_member(exchange.trace, *_place(exchange), user, text)
    return json_response(body, 201 if created else 200)


async def remove_member(exchange: Exchange) -> Response:
    """DELETE /v1/workspaces/{workspace_id}/members/{user_id}."""
    user = uuid_or_404(exchange.request.path_params["user_id"], "member_not_found", "member of this workspace")
    await exchange.calls.remove_member(exchange.trace, *_place(exchange), user)
    return Response(status_code=204)


async def create_user(exchange: Exchange) -> Response:
    """POST /v1/users."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    body = await exchange.calls.admin_create_user(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body, 201)


async def list_users(exchange: Exchange) -> Response:
    """GET /v1/users."""
    body = await exchange.calls.admin_list_users(exchange.trace, exchange.actor, exchange.token, *_page(exchange))
    return json_response(body)


async def create_token(exchange: Exchange) -> Response:
    """POST /v1/tokens."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    token = new_token()
    body = await exchange.calls.admin_create_token(
        exchange.trace, exchange.actor, exchange.token, token_hash(token), text
    )
    return json_response(_shown_once(body, token), 201, _NO_STORE)


async def list_tokens(exchange: Exchange) -> Response:
    """GET /v1/tokens."""
    user = conditions.uuid(exchange.parameters, "user_id")
    body = await exchange.calls.admin_list_tokens(
        exchange.trace, exchange.actor, exchange.token, user, *_page(exchange)
    )
    return json_response(body)


async def revoke_token(exchange: Exchange) -> Response:
    """DELETE /v1/tokens/{token_id}."""
    revoked = uuid_or_404(exchange.request.path_params["token_id"], "token_not_found", "token")
    await exchange.calls.admin_revoke_token(exchange.trace, exchange.actor, exchange.token, revoked)
    return Response(status_code=204)


async def rotate_token(exchange: Exchange) -> Response:
    """POST /v1/tokens/{token_id}:rotate."""
    rotated = uuid_or_404(exchange.request.path_params["token_id"], "token_not_found", "token")
    _, text = await exchange.body((JSON,), "Accept-Post")
    token = new_token()
    body = await exchange.calls.admin_rotate_token(
        exchange.trace, exchange.actor, exchange.token, rotated, token_hash(token), text
    )
    return json_response(_shown_once(body, token), 201, _NO_STORE)


async def list_audit(exchange: Exchange) -> Response:
    """GET /v1/audit."""
    values = exchange.parameters
    body = await exchange.calls.admin_list_audit(
        exchange.trace,
        exchange.actor,
        exchange.token,
        values.get("action"),
        conditions.uuid(values, "workspace_id"),
        conditions.uuid(values, "user_id"),
        *_page(exchange),
    )
    return json_response(body)


def _place(exchange: Exchange) -> tuple[UUID, UUID, UUID | None]:
    """Workspace, actor, the id of its token."""
    return exchange.workspace, exchange.actor, exchange.token


def _page(exchange: Exchange) -> tuple[int, str | None]:
    """Limit and cursor of a list."""
    return conditions.integer(exchange.parameters, "limit", 50, 1, 200), exchange.parameters.get("cursor")


def _shown_once(description: str, token: str) -> str:
    """The description of a new token, and the token itself: nothing else will ever show it."""
    return json.dumps({"token": token, **json.loads(description)}, ensure_ascii=False)

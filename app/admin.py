"""Routes for operators of the installation, outside workspaces: the indexing queue, dead letters, rate limits."""

from __future__ import annotations

import json
from collections.abc import Iterable

from starlette.responses import Response

from app import conditions
from app.answers import JSON, json_response
from app.exchange import Exchange

ENTRY_FILTER = ("status", "workspace_id", "page_id", "no", "finished_after")
"""Query parameters that are members of a filter of entries: SQL reads and checks them."""

DEAD_LETTER_FILTER = (
    "workspace_id",
    "page_id",
    "no",
    "error_code",
    "fingerprint",
    "text",
    "died_after",
    "died_before",
    "discarded",
)
"""Query parameters that are members of a filter of dead letters: SQL reads and checks them."""


async def indexing_state(exchange: Exchange) -> Response:
    """GET /v1/indexing."""
    body = await exchange.calls.admin_indexing_state(exchange.trace, exchange.actor, exchange.token)
    return json_response(body)


async def list_indexing_entries(exchange: Exchange) -> Response:
    """GET /v1/indexing/entries."""
    values = exchange.parameters
    body = await exchange.calls.admin_list_indexing_entries(
        exchange.trace,
        exchange.actor,
        exchange.token,
        _filter(exchange, ENTRY_FILTER),
        conditions.integer(values, "limit", 50, 1, 200),
        values.get("cursor"),
    )
    return json_response(body)


async def list_dead_letters(exchange: Exchange) -> Response:
    """GET /v1/indexing/dead-letters."""
    values = exchange.parameters
    body = await exchange.calls.admin_list_dead_letters(
        exchange.trace,
        exchange.actor,
        exchange.token,
        _filter(exchange, DEAD_LETTER_FILTER),
        conditions.integer(values, "limit", 50, 1, 200),
        values.get("cursor"),
    )
    return json_response(body)


async def group_dead_letters(exchange: Exchange) -> Response:
    """GET /v1/indexing/dead-letter-groups."""
    body = await exchange.calls.admin_group_dead_letters(
        exchange.trace,
        exchange.actor,
        exchange.token,
        _filter(exchange, DEAD_LETTER_FILTER),
        conditions.integer(exchange.parameters, "limit", 50, 1, 200),
    )
    return json_response(body)


async def replay_dead_letters(exchange: Exchange) -> Response:
    """POST /v1/indexing/dead-letters:replay."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    body = await exchange.calls.admin_replay_dead_letters(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body)


async def discard_dead_letters(exchange: Exchange) -> Response:
    """POST /v1/indexing/dead-letters:discard."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    body = await exchange.calls.admin_discard_dead_letters(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body)


async def pause_indexing(exchange: Exchange) -> Response:
    """POST /v1/indexing/pause."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    body = await exchange.calls.admin_pause_indexing(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body)


async def resume_indexing(exchange: Exchange) -> Response:
    """POST /v1/indexing/resume."""
    body = await exchange.calls.admin_resume_indexing(exchange.trace, exchange.actor, exchange.token)
    return json_response(body)


async def list_limits(exchange: Exchange) -> Response:
    """GET /v1/limits."""
    body = await exchange.calls.admin_list_limits(exchange.trace, exchange.actor, exchange.token)
    return json_response(body)


async def list_limited(exchange: Exchange) -> Response:
    """GET /v1/limits/blocked."""
    limit = conditions.integer(exchange.parameters, "limit", 50, 1, 200)
    body = await exchange.calls.admin_list_limited(exchange.trace, exchange.actor, exchange.token, limit)
    return json_response(body)


async def unblock_limit(exchange: Exchange) -> Response:
    """POST /v1/limits:unblock."""
    _, text = await exchange.body((JSON,), "Accept-Post")
    body = await exchange.calls.admin_unblock_limit(exchange.trace, exchange.actor, exchange.token, text)
    return json_response(body)


def _filter(exchange: Exchange, names: Iterable[str]) -> str:
    """The filter with these members as JSON."""
    return json.dumps({name: exchange.parameters[name] for name in names if name in exchange.parameters})

"""Routes about a page's past: its log, differences, going back, names."""

from __future__ import annotations

from starlette.responses import Response

from app import conditions
from app.answers import JSON, JSON_PATCH, json_response, written_response
from app.exchange import Exchange
from app.problems import Problem


async def list_changes(exchange: Exchange) -> Response:
    """GET /pages/{page_id}/changes."""
    values = exchange.parameters
    body = await exchange.calls.list_page_changes(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        exchange.page(),
        conditions.version(values, "since", 0),
        conditions.integer(values, "limit", 50, 1, 200),
    )
    return json_response(body)


async def diff_page(exchange: Exchange) -> Response:
    """GET /pages/{page_id}/diff."""
    values = exchange.parameters
    start = conditions.version(values, "from")
    if start is None:
        raise Problem(400, "bad_parameter", "from is missing: the first of the two versions", {"parameter": "from"})
    body = await exchange.calls.diff_page(
        exchange.trace, exchange.workspace, exchange.actor, exchange.page(), start, conditions.version(values, "to")
    )
    return json_response(body, media_type=JSON_PATCH)


async def restore_page(exchange: Exchange) -> Response:
    """POST /pages/{page_id}/restore."""
    page, headers = exchange.page(), exchange.request.headers
    if_match, preferred = conditions.entity_tags(headers, "If-Match"), conditions.preferred_return(headers)
    key = conditions.idempotency_key(headers)
    _, text = await exchange.body((JSON,), "Accept-Post")
    version = conditions.version_member(text)
    if version is None:
        raise Problem(422, "member_missing", 'the member "version" is missing', {"pointer": "/version"})
    written = await exchange.calls.restore_page(
        exchange.trace, exchange.workspace, exchange.actor, page, if_match, version, preferred, key
    )
    return written_response(written, headers)


async def list_versions(exchange: Exchange) -> Response:
    """GET /pages/{page_id}/versions."""
    body = await exchange.calls.list_versions(exchange.trace, exchange.workspace, exchange.actor, exchange.page())
    return json_response(body)


async def name_version(exchange: Exchange) -> Response:
    """PUT /pages/{page_id}/versions/{name}."""
    page = exchange.page()
    _, text = await exchange.body((JSON,), "Accept")
    created, body = await exchange.calls.name_version(
        exchange.trace,
        exchange.workspace,
        exchange.actor,
        page,
        exchange.request.path_params["name"],
        conditions.version_member(text),
    )
    return json_response(body, 201 if created else 200)


async def unname_version(exchange: Exchange) -> Response:
    """DELETE /pages/{page_id}/versions/{name}."""
    await exchange.calls.unname_version(
        exchange.trace, exchange.workspace, exchange.actor, exchange.page(), exchange.request.path_params["name"]
    )
    return Response(status_code=204)

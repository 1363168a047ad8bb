"""What the answers of all routes have in common."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import Headers
from starlette.responses import Response

from app import conditions
from app.calls import Written
from app.problems import from_answer

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
REPLAYED = "Idempotency-Replayed"


def json_response(
    body: str, status: int = 200, headers: Mapping[str, str] | None = None, media_type: str = JSON
) -> Response:
    """JSON text as the database made it. A page is private to its workspace's members: no shared cache keeps it."""
    return Response(
        body, status, headers={"Cache-Control": "private, no-cache", **(headers or {})}, media_type=media_type
    )


def etag(version: int) -> str:
    """The strong ETag of a version."""
    return f'"{version}"'


def written_response(
    written: Written, headers: Headers, more: Mapping[str, str] | None = None, etag_wanted: bool = True
) -> Response:
    """The answer to a write. A refusal that the database answered, rather than raised, becomes a problem here."""
    extra = {REPLAYED: "true"} if written.replayed else {}
    if written.status >= 400:
        raise from_answer(written.status, written.body or "{}", extra)
    extra |= more or {}
    if etag_wanted and written.version is not None:
        extra["ETag"] = etag(written.version)
    preferred = conditions.preferred_return(headers)
    if preferred is not None and written.status != 204:
        extra["Preference-Applied"] = f"return={preferred}"
    if written.body is None:
        return Response(status_code=written.status, headers=extra)
    return json_response(written.body, written.status, extra)

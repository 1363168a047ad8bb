"""Errors as RFC 9457 problem documents with a stable ``code``.

A database function says what went wrong by SQLSTATE and constraint name (its slug); this module knows nothing of pages.
The SQLSTATE is what counts, never the exception's class: PT4xx arrives as ProgrammingError, others as DatabaseError.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, cast

import psycopg
import psycopg_pool
from starlette.responses import Response

MEDIA_TYPE = "application/problem+json"

APP_CODES: frozenset[str] = frozenset(
    {
        "already_exists",
        "bad_header",
        "bad_parameter",
        "bad_request",
        "body_too_large",
        "busy",
        "database_unavailable",
        "embedder_unavailable",
        "identity_unavailable",
        "headers_too_large",
        "insufficient_scope",
        "internal_error",
        "invalid_value",
        "malformed_json",
        "member_not_found",
        "method_not_allowed",
        "model_not_ready",
        "not_acceptable",
        "not_found",
        "not_permitted",
        "not_ready",
        "overloaded",
        "page_not_found",
        "rate_limited",
        "rate_limiter_unavailable",
        "reference_missing",
        "request_timeout",
        "statement_timeout",
        "subject_unknown",
        "token_invalid",
        "token_not_found",
        "token_required",
        "too_deep",
        "unknown_parameter",
        "unsupported_content_encoding",
        "unsupported_media_type",
        "user_not_found",
        "url_too_long",
        "workspace_not_found",
        "write_contention",
    }
)
"""Codes that the HTTP layer itself gives; the others are slugs of database functions. openapi.yaml lists all."""

_RESERVED = frozenset({"type", "title", "status", "detail", "instance", "code", "request_id"})


@dataclass
class Problem(Exception):
    """An answer that is an error.

    Attributes:
        status: HTTP status.
        code: stable name of what went wrong; one of openapi.yaml's ProblemCode.
        detail: a sentence for people: what is wrong and what to do. Never a value out of a page.
        members: further members of the document, such as current_version.
        headers: further headers, such as Retry-After.
        sqlstate: of the database error behind it, for the log.
        text: JSON object of code, detail and members as the database made it: sent as it is, for its numbers have more
            digits than a double.
    """

    status: int
    code: str
    detail: str
    members: Mapping[str, Any] = field(default_factory=dict[str, Any])
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    sqlstate: str | None = None
    text: str | None = None

    def response(self, request_id: str) -> Response:
        """The answer. Source: https://www.rfc-editor.org/rfc/rfc9457"""
        document: dict[str, Any] = {
            "type": "about:blank",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "request_id": request_id,
        }
        if self.text is None:
            document |= {"detail": self.detail, "code": self.code}
            document |= {name: value for name, value in self.members.items() if name not in _RESERVED}
        body = json.dumps(document, ensure_ascii=False)
        if self.text is not None:
            body = f"{body[:-1]}, {self.text[1:]}"
        return Response(body, self.status, headers=dict(self.headers), media_type=MEDIA_TYPE)


def unavailable(code: str, detail: str, sqlstate: str | None = None, retry_after: int = 1) -> Problem:
    """503 with Retry-After (seconds)."""
    return Problem(503, code, detail, headers={"Retry-After": str(retry_after)}, sqlstate=sqlstate)


def from_answer(status: int, body: str, headers: Mapping[str, str]) -> Problem:
    """A refusal that a database function answered as an object with ``code``, ``detail`` and further members."""
    answer: dict[str, Any] = json.loads(body)
    return Problem(status, answer["code"], answer["detail"], headers=headers, text=body)


def from_database(error: Exception) -> Problem:
    """The answer to an error of the database or of the pool: first by exact SQLSTATE, then by its class.

    Args:
        error: what a call of a database function raised, retries over.
    """
    if isinstance(error, (psycopg_pool.PoolTimeout, psycopg_pool.TooManyRequests)):
        return unavailable("overloaded", "too many requests wait for the database: repeat this one in a moment")
    if isinstance(error, psycopg_pool.PoolClosed):
        return unavailable("database_unavailable", "the service is stopping: repeat the request")
    if not isinstance(error, psycopg.Error):
        return _internal(None)
    state = error.sqlstate
    if state is None:
        if isinstance(error, (psycopg.OperationalError, psycopg.InterfaceError)):
            return unavailable("database_unavailable", "the database cannot be reached: repeat the request")
        return _internal(None)
    if state.startswith("PT") and state[2:].isdigit() and 400 <= int(state[2:]) < 600:
        return _raised_by_function(error, int(state[2:]), state)
    for prefix, make in _BY_SQLSTATE:
        if state.startswith(prefix):
            return make(state)
    return _internal(state)


def _raised_by_function(error: psycopg.Error, status: int, state: str) -> Problem:
    slug = error.diag.constraint_name
    if slug is None or status >= 500:
        return _internal(state)
    members: dict[str, Any] = {}
    if error.diag.message_detail:
        try:
            found: Any = json.loads(error.diag.message_detail)
        except ValueError:
            found = None
        if isinstance(found, dict):
            members = cast("dict[str, Any]", found)
    return Problem(status, slug, error.diag.message_primary or slug, members, sqlstate=state)


def _internal(state: str | None) -> Problem:
    return Problem(500, "internal_error", "a fault of the service; request_id finds it in the log", sqlstate=state)


def _contention(state: str) -> Problem:
    return unavailable("write_contention", "other saves were in the way, three times: repeat the request", state)


def _gone(state: str) -> Problem:
    return unavailable("database_unavailable", "the database cannot answer now: repeat the request", state)


def _busy(state: str) -> Problem:
    return unavailable("busy", "what the request needs is locked by another: repeat it", state)


def _timeout(state: str) -> Problem:
    return Problem(504, "statement_timeout", "the database took too long; nothing was saved", sqlstate=state)


def _exists(state: str) -> Problem:
    return Problem(409, "already_exists", "it is there already", sqlstate=state)


def _reference(state: str) -> Problem:
    return Problem(409, "reference_missing", "something that the request refers to is not there", sqlstate=state)


def _value(state: str) -> Problem:
    return Problem(422, "invalid_value", "a value of the request cannot be stored", sqlstate=state)


def _permission(state: str) -> Problem:
    return Problem(403, "not_permitted", "the database refuses this to the service", sqlstate=state)


_BY_SQLSTATE = (
    ("40001", _contention),
    ("40P01", _contention),
    ("57014", _timeout),
    ("55P03", _busy),
    ("57P0", _gone),
    ("53", _gone),
    ("08", _gone),
    ("23505", _exists),
    ("23503", _reference),
    ("23502", _value),
    ("23514", _value),
    ("22", _value),
    ("42501", _permission),
)

"""What can go wrong, by type. All are QuireError; the message is for people, the attributes for programs."""

from __future__ import annotations

import email.utils
import time
from collections.abc import Mapping
from typing import Any, cast

import httpx

Operations = list[dict[str, Any]]
"""A JSON Patch (RFC 6902)."""


class QuireError(Exception):
    """A request that did not succeed.

    Attributes:
        status: HTTP status; None when no answer came.
        code: stable code of the problem document (openapi.yaml's ProblemCode), empty where the answer is none.
        detail: a sentence that says what is wrong and what to do.
        members: the problem's further members, such as current_version.
        request_id: finds the request in the server's log.
        retry_after: seconds that the server asks to wait; 0 when it does not say.
    """

    def __init__(
        self,
        detail: str,
        status: int | None = None,
        code: str = "",
        members: Mapping[str, Any] | None = None,
        request_id: str = "",
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.code = code
        self.detail = detail
        self.members: Mapping[str, Any] = members or {}
        self.request_id = request_id
        self.retry_after = retry_after
        self.gave_up_after: float | None = None

    def __str__(self) -> str:
        known = " ".join(str(part) for part in (self.status, self.code) if part)
        text = f"{self.detail} ({known})" if known else self.detail
        return text if self.gave_up_after is None else f"{text}; gave up after {self.gave_up_after:.0f} s"


class BadRequest(QuireError):
    """400: a body, patch, header or parameter that cannot be read."""


class Unauthorized(QuireError):
    """401: no token, or one that is unknown, expired or revoked."""


class Forbidden(QuireError):
    """403: the token lacks a scope, or its user the role."""


class NotFound(QuireError):
    """404: not there, deleted, or not in a workspace of this token."""


class Gone(QuireError):
    """410: a version below what retention keeps."""


class _Versions(QuireError):
    """A save that met another one; see the members that openapi.yaml describes for it."""

    @property
    def current_version(self) -> int | None:
        """The page's version now."""
        return self.members.get("current_version")

    @property
    def base_version(self) -> int | None:
        """The version that the save was made for, where the server knows it."""
        return self.members.get("base_version")

    @property
    def server_patch(self) -> Operations | None:
        """From base_version to current_version; None where the server cannot say."""
        return self.members.get("server_patch")

    @property
    def conflicts(self) -> Operations:
        """What collides: operation, path, kind, pointer, yours, theirs."""
        return self.members.get("conflicts", [])

    @property
    def rebased_patch(self) -> Operations | None:
        """The part of the save that does not collide, fit for current_version."""
        return self.members.get("rebased_patch")


class Conflict(_Versions):
    """409: others changed the same, the base is too old, or an id is taken. Nothing was saved."""


class PreconditionFailed(_Versions):
    """412: the page is at none of the versions of If-Match. Nothing was saved."""


class PreconditionRequired(QuireError):
    """428: the save does not say which version it changes."""


class TooLarge(QuireError):
    """413: over a limit; `code` says which, `members["limit"]` how much fits."""


class Unprocessable(QuireError):
    """422: a patch that does not apply, or content that no page can have."""


class RateLimited(QuireError):
    """429, for longer than the client was to wait."""


class Unavailable(QuireError):
    """No answer, or 502, 503 or 504, for as long as the client was to try. A save may have come through."""


_BY_STATUS: Mapping[int, type[QuireError]] = {
    400: BadRequest,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    412: PreconditionFailed,
    413: TooLarge,
    422: Unprocessable,
    428: PreconditionRequired,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_COMMON = frozenset({"type", "title", "status", "detail", "code", "request_id"})


def from_answer(answer: httpx.Response) -> QuireError:
    """The error that an answer is, whether or not it is a problem document (a proxy's is not)."""
    try:
        given: Any = answer.json()
    except ValueError:
        given = None
    problem = cast("dict[str, Any]", given) if isinstance(given, dict) else {}
    return from_problem(
        answer.status_code,
        problem,
        str(problem.get("detail") or problem.get("title") or answer.reason_phrase or "the request failed"),
        answer.headers.get("X-Request-Id", ""),
        _seconds(answer.headers.get("Retry-After", "")),
    )


def from_problem(
    status: int, problem: Mapping[str, Any], detail: str, request_id: str = "", retry_after: float = 0.0
) -> QuireError:
    """The error of a problem document, or of a part of a batch that failed."""
    return _BY_STATUS.get(status, QuireError)(
        detail,
        status,
        str(problem.get("code", "")),
        {name: value for name, value in problem.items() if name not in _COMMON},
        request_id or str(problem.get("request_id", "")),
        retry_after,
    )


def _seconds(text: str) -> float:
    """Retry-After in seconds. Quire sends a number; a proxy may send a date (RFC 9110 10.2.3)."""
    if text.isdigit():
        return float(text)
    try:
        return max(email.utils.parsedate_to_datetime(text).timestamp() - time.time(), 0.0)
    except ValueError:
        return 0.0

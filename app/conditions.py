"""What requests say in headers and parameters, read strictly: a reader raises a Problem that names what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from uuid import UUID

from starlette.datastructures import Headers, QueryParams

from app.problems import Problem

PRIORITIES: Mapping[str, int] = {"interactive": 0, "edit": 100, "import": 200}
"""Quire-Priority -> priority of the indexing queue; lower goes first."""

_MAX_VERSION = 2**63 - 1
# RFC 9110 8.8.3: entity-tag = [ "W/" ] DQUOTE *( %x21 / %x23-7E / obs-text ) DQUOTE
_ENTITY_TAG = re.compile(r'(?:W/)?"([!#-~\x80-\xff]*)"')
_IDEMPOTENCY_KEY = re.compile(r'^("?)([!#-~]{1,255})\1$')
_DURATION = re.compile(r"^([1-9][0-9]{0,4})([smhdw])$")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_UUID = re.compile(r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$")


def entity_tags(headers: Headers, name: str) -> list[str] | None:
    """The opaque tags of If-Match or If-None-Match, ``["*"]`` for any, None when the header is absent.

    Weak tags count as strong ones: compressed answers have weak ones, and a version means the same document either way.

    Source: https://www.rfc-editor.org/rfc/rfc9110#section-13.1
    """
    lines = headers.getlist(name)
    if not lines:
        return None
    text = ",".join(lines).strip(" \t,")
    if text == "*":
        return ["*"]
    tags: list[str] = []
    place = 0
    while place < len(text):
        found = _ENTITY_TAG.match(text, place)
        if found is None:
            raise Problem(400, "bad_header", f'{name} takes quoted ETags, such as "12", or *', {"header": name})
        # The tag "*" is not the star that matches anything.
        tags.append('"*"' if found[1] == "*" else found[1])
        rest = re.compile(r"[ \t]*(?:,[ \t,]*|$)").match(text, found.end())
        if rest is None:
            raise Problem(400, "bad_header", f"{name}: put a comma between ETags", {"header": name})
        place = rest.end()
    return tags


def versions(tags: Sequence[str]) -> list[int]:
    """Those of the tags that can be versions."""
    return [int(tag) for tag in tags if tag.isascii() and tag.isdigit() and len(tag) < 20 and int(tag) <= _MAX_VERSION]


def priority(headers: Headers) -> int:
    """Quire-Priority as a number of the queue; edit when absent."""
    word = headers.get("quire-priority", "edit").strip().lower()
    if word not in PRIORITIES:
        raise Problem(
            400,
            "bad_header",
            f"Quire-Priority takes one of {', '.join(PRIORITIES)}",
            {"header": "Quire-Priority"},
        )
    return PRIORITIES[word]


def preferred_return(headers: Headers) -> str | None:
    """``representation`` or ``minimal`` out of Prefer (RFC 7240); other preferences are not ours to honour."""
    for preference in ",".join(headers.getlist("prefer")).split(","):
        name, _, value = preference.split(";")[0].partition("=")
        if name.strip().lower() == "return":
            value = value.strip().strip('"').lower()
            return value if value in ("representation", "minimal") else None
    return None


def idempotency_key(headers: Headers) -> str | None:
    """Idempotency-Key, bare or as a quoted string; None when absent.

    Source: draft-ietf-httpapi-idempotency-key-header-07.
    """
    lines = headers.getlist("idempotency-key")
    if not lines:
        return None
    found = _IDEMPOTENCY_KEY.match(lines[0].strip())
    if found is None or len(lines) > 1:
        raise Problem(
            400,
            "bad_header",
            "Idempotency-Key takes one key of 1 to 255 visible ASCII characters",
            {"header": "Idempotency-Key"},
        )
    return found[2]


def check_accept(headers: Headers, media_type: str) -> None:
    """Refuse an Accept that leaves out the one type there is. RFC 9110 12.5.1: the most specific range counts."""
    if "accept" not in headers:
        return
    kind = media_type.partition("/")[0]
    best = (-1, 0.0)
    for text in ",".join(headers.getlist("accept")).split(","):
        media_range, *parameters = (part.strip().lower() for part in text.split(";"))
        rank = {media_type: 2, f"{kind}/*": 1, "*/*": 0}.get(media_range, -1)
        if rank > best[0]:
            best = (rank, _quality(parameters))
    if best[0] < 0 or best[1] == 0:
        raise Problem(406, "not_acceptable", f"the answer is {media_type}: accept it", {"media_type": media_type})


def takes_gzip(headers: Headers) -> bool:
    """Whether Accept-Encoding takes gzip, and likes it no less than a plain body. RFC 9110 12.5.3."""
    qualities: dict[str, float] = {}
    for text in ",".join(headers.getlist("accept-encoding")).split(","):
        coding, *parameters = (part.strip().lower() for part in text.split(";"))
        qualities["gzip" if coding == "x-gzip" else coding] = _quality(parameters)
    quality = qualities.get("gzip", qualities.get("*", 0.0))
    return quality > 0 and quality >= qualities.get("identity", 0.0)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return float(parameter[2:])
            except ValueError:
                return 0.0
    return 1.0


def content_type(headers: Headers, taken: Sequence[str], answer_header: str) -> str:
    """The body's media type, one of ``taken``.

    Args:
        headers: of the request.
        taken: media types that the route reads.
        answer_header: header of the refusal that lists them: Accept-Patch, Accept-Post or Accept.
    """
    refusal = {answer_header: ", ".join(taken)}
    if headers.get("content-encoding", "identity").strip().lower() != "identity":
        raise Problem(
            415,
            "unsupported_content_encoding",
            "send the body without compression",
            headers={**refusal, "Accept-Encoding": "identity"},
        )
    media_type, *parameters = (part.strip().lower() for part in headers.get("content-type", "").split(";"))
    charset = next((p.removeprefix("charset=").strip('"') for p in parameters if p.startswith("charset=")), "utf-8")
    if media_type not in taken or charset not in ("utf-8", "utf8", "us-ascii"):
        raise Problem(
            415,
            "unsupported_media_type",
            f"Content-Type is to be {' or '.join(taken)}, in UTF-8",
            {"media_types": list(taken)},
            refusal,
        )
    return media_type


def parameters(query: QueryParams, known: Sequence[str]) -> dict[str, str]:
    """The query parameters by name. Refuses twins, and unknown ones: an ignored typing error changes the answer."""
    values: dict[str, str] = {}
    for name, value in query.multi_items():
        if name not in known:
            takes = f"it takes {', '.join(known)}" if known else "it takes none"
            shown = name[:64]
            raise Problem(
                400, "unknown_parameter", f"there is no parameter {shown!r} here: {takes}", {"parameter": shown}
            )
        if name in values:
            raise Problem(400, "bad_parameter", f"{name} is given twice", {"parameter": name})
        if "\x00" in value:
            raise Problem(400, "bad_parameter", f"{name} has a NUL character", {"parameter": name})
        values[name] = value
    return values


def integer(values: Mapping[str, str], name: str, default: int, low: int, high: int) -> int:
    """A whole number from low to high."""
    text = values.get(name)
    if text is None:
        return default
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= 19 else -1
    if not low <= number <= high:
        raise Problem(400, "bad_parameter", f"{name} takes a whole number from {low} to {high}", {"parameter": name})
    return number


def version(values: Mapping[str, str], name: str, low: int = 1) -> int | None:
    """A version, None when absent."""
    return integer(values, name, low, low, _MAX_VERSION) if name in values else None


def base_version(values: Mapping[str, str]) -> int | None:
    """?base_version=, None when absent."""
    return version(values, "base_version")


def version_member(text: str) -> int | None:
    """The version that a body such as ``{"version": 7}`` names; None where it names none."""
    try:
        pairs = json.loads(text, object_pairs_hook=_Pairs, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise Problem(400, "malformed_json", "the body is not JSON") from None
    if not isinstance(pairs, _Pairs):
        raise Problem(422, "document_not_object", 'the body is an object: {"version": 7}', {"pointer": ""})
    version: object = None
    for place, (name, value) in enumerate(pairs):
        if name != "version":
            raise Problem(422, "unknown_member", "the body has the member version and no other", {"pointer": ""})
        if place:
            raise Problem(400, "duplicate_key", "version is there twice")
        version = value
    if version is not None and (type(version) is not int or not 1 <= version <= _MAX_VERSION):
        raise Problem(422, "invalid_value", "/version must be a whole number from 1", {"pointer": "/version"})
    return version


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is no JSON")


class _Pairs(list[tuple[str, object]]):
    """A JSON object with its duplicate keys."""


def duration(values: Mapping[str, str], name: str) -> timedelta | None:
    """A time such as 30m, 12h, 7d or 2w; None when absent."""
    text = values.get(name)
    if text is None:
        return None
    found = _DURATION.match(text)
    if found is None:
        raise Problem(400, "bad_parameter", f"{name} takes a time such as 30m, 12h, 7d or 2w", {"parameter": name})
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def choice(values: Mapping[str, str], name: str, choices: Sequence[str]) -> str:
    """One of ``choices``; the first when absent."""
    value = values.get(name, choices[0])
    if value not in choices:
        raise Problem(400, "bad_parameter", f"{name} takes one of {', '.join(choices)}", {"parameter": name})
    return value


def is_uuid(text: str) -> bool:
    """Whether the text is a UUID in its usual form."""
    return _UUID.match(text) is not None


def uuid_or_404(text: str, code: str, what: str) -> UUID:
    """An id out of the path; one that is no UUID names nothing."""
    if not is_uuid(text):
        raise Problem(404, code, f"there is no such {what}")
    return UUID(text)


def uuid(values: Mapping[str, str], name: str) -> UUID | None:
    """An id, None when absent."""
    text = values.get(name)
    if text is None:
        return None
    if _UUID.match(text) is None:
        raise Problem(400, "bad_parameter", f"{name} takes a UUID", {"parameter": name})
    return UUID(text)


def bearer_token(headers: Headers) -> str | None:
    """The token out of Authorization, else None. RFC 6750 2.1; tokens in URLs end in logs, so: only here."""
    scheme, _, token = headers.get("authorization", "").strip().partition(" ")
    return token.strip() or None if scheme.lower() == "bearer" else None

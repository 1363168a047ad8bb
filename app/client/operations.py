"""The routes of a workspace, each as steps: what is sent, and what its answer means. openapi.yaml is the contract.

Common arguments:
    document: as a mapping, or as JSON text in bytes.
    if_match: a version, several, or "*" for any: saved only if the page is at one of them, else PreconditionFailed.
    base_version: the version that was changed; the server rebases the save onto what came since, or raises Conflict.
    minimal: asks for an answer without document and patches.
    idempotency_key: made when missing. Give one to repeat a save later whose outcome is unknown.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import quote

import httpx

from app.client.errors import Operations, QuireError, from_problem
from app.client.steps import Give, Items, Send, Session, Steps, json_of, new_key, send

Body: TypeAlias = Mapping[str, Any] | bytes
Versions: TypeAlias = int | str | Sequence[int] | None
_PARTS = 200  # pages or changes that are asked for at once


@dataclass(frozen=True)
class Created:
    """A new page. `document` is None with `minimal`; `replayed` when an earlier try with the same key had made it."""

    page_id: str
    version: int
    document: dict[str, Any] | None
    replayed: bool


@dataclass(frozen=True)
class Saved:
    """What a save made.

    Attributes:
        version: of the page now.
        rebased: whether others had saved since base_version.
        server_patch, applied_patch: from base_version to what others had made of it, from there to `version`; None
            with `minimal`.
        replayed: whether an earlier try with the same key had done it.
    """

    version: int
    rebased: bool
    base_version: int | None
    server_patch: Operations | None
    applied_patch: Operations | None
    replayed: bool = False


@dataclass(frozen=True)
class BatchResult:
    """One patch of a batch: saved, or the error that it was."""

    page_id: str
    status: int
    saved: Saved | None
    error: QuireError | None


def post(
    session: Session, document: Body, *, minimal: bool = False, idempotency_key: str | None = None
) -> Steps[Created]:
    """Create a page out of a document; without `id` in it the server makes one."""
    answer = yield from _write(session, "POST", "/pages", document, minimal, idempotency_key)
    body = json_of(answer)
    page_id = body["id"] if body else answer.headers["Location"].rpartition("/")[2]
    return Created(page_id, _etag(answer), body, _is_replayed(answer))


def fetch(session: Session, page_id: str, version: int | None = None) -> Steps[dict[str, Any]]:
    """The document of a page with `id` and `version`, newest or as it was at a version."""
    query = {} if version is None else {"version": str(version)}
    return (yield from _read(session, _page(page_id), query))


def list_pages(session: Session, *, updated_within: str | None = None) -> Items:
    """All pages without their blocks, newest edit first. updated_within: such as 30m, 12h, 7d or 2w."""
    query = {"limit": str(_PARTS)} | ({"updated_within": updated_within} if updated_within else {})
    while True:
        part = yield from _read(session, "/pages", query)
        for page in part["pages"]:
            yield Give(page)
        if not part["next_cursor"]:
            return
        query["cursor"] = part["next_cursor"]


def put(
    session: Session,
    page_id: str,
    document: Body,
    *,
    if_match: Versions = None,
    base_version: int | None = None,
    minimal: bool = False,
    idempotency_key: str | None = None,
) -> Steps[Saved]:
    """Save a whole document; the server works out what changed, by block id."""
    answer = yield from _write(
        session, "PUT", _page(page_id), document, minimal, idempotency_key, if_match, base_version
    )
    return _saved(answer)


def patch(
    session: Session,
    page_id: str,
    operations: Sequence[Mapping[str, Any]],
    *,
    if_match: Versions = None,
    base_version: int | None = None,
    minimal: bool = False,
    idempotency_key: str | None = None,
) -> Steps[Saved]:
    """Save a JSON Patch (RFC 6902); paths may name blocks by id: `/blocks/<id>/data/text`."""
    kind = "application/json-patch+json"
    answer = yield from _write(
        session, "PATCH", _page(page_id), operations, minimal, idempotency_key, if_match, base_version, kind
    )
    return _saved(answer)


def merge_patch(
    session: Session,
    page_id: str,
    changes: Mapping[str, Any],
    *,
    if_match: Versions = None,
    base_version: int | None = None,
    minimal: bool = False,
    idempotency_key: str | None = None,
) -> Steps[Saved]:
    """Save a merge patch (RFC 7396): members replace those of the document, None removes them."""
    kind = "application/merge-patch+json"
    answer = yield from _write(
        session, "PATCH", _page(page_id), changes, minimal, idempotency_key, if_match, base_version, kind
    )
    return _saved(answer)


def delete(session: Session, page_id: str, *, if_match: Versions, idempotency_key: str | None = None) -> Steps[None]:
    """Delete a page; `restore` brings it back until retention removes it."""
    yield from _write(session, "DELETE", _page(page_id), None, False, idempotency_key, if_match)


def restore(
    session: Session,
    page_id: str,
    version: int,
    *,
    if_match: Versions = None,
    minimal: bool = False,
    idempotency_key: str | None = None,
) -> Steps[Saved]:
    """Make a new version that equals an old one; of a deleted page too."""
    body = {"version": version}
    answer = yield from _write(session, "POST", _page(page_id, "/restore"), body, minimal, idempotency_key, if_match)
    return _saved(answer)


def batch(
    session: Session,
    patches: Iterable[Mapping[str, Any]],
    *,
    atomic: bool = True,
    minimal: bool = False,
    idempotency_key: str | None = None,
) -> Steps[list[BatchResult]]:
    """Save patches of several pages in one request.

    Args:
        patches: `{"page_id", "base_version" or "if_match", "patch": [..] or "merge": {..}}` each.
        atomic: all or none; the error of the one that failed has the members index and page_id. Else each result says
            how its patch went.
    """
    body = {"atomic": atomic, "patches": list(patches)}
    answer = yield from _write(session, "POST", "/pages:batch", body, minimal, idempotency_key)
    return [_batch_result(result, _is_replayed(answer)) for result in json_of(answer)["results"]]


def since(session: Session, page_id: str, version: int) -> Steps[dict[str, Any]]:
    """What changed since a version: `version`, `title`, `properties`, `order`, changed `blocks`, `removed` ids."""
    return (yield from _read(session, _page(page_id), {"since": str(version)}))


def changes(session: Session, page_id: str, since: int = 0) -> Items:
    """The log of a page after a version, oldest first: version, base_version, actor, at, kind, ops."""
    following: int | None = since
    while following is not None:
        query = {"since": str(following), "limit": str(_PARTS)}
        part = yield from _read(session, _page(page_id, "/changes"), query)
        for change in part["changes"]:
            yield Give(change)
        following = part["next"]


def diff(session: Session, page_id: str, from_version: int, to_version: int) -> Steps[Operations]:
    """The JSON Patch that leads from one version of a page to another."""
    query = {"from": str(from_version), "to": str(to_version)}
    return (yield from _read(session, _page(page_id, "/diff"), query))


def versions(session: Session, page_id: str) -> Steps[list[dict[str, Any]]]:
    """The named versions of a page: name, version, created_at, created_by."""
    return (yield from _read(session, _page(page_id, "/versions"), {}))["versions"]


def name_version(session: Session, page_id: str, name: str, version: int | None = None) -> Steps[None]:
    """Name a version, the current one by default; retention keeps it."""
    body = {} if version is None else {"version": version}
    yield from _write(session, "PUT", _page(page_id, f"/versions/{_quoted(name)}"), body)


def forget_version(session: Session, page_id: str, name: str) -> Steps[None]:
    """Take a name away; the version stays as long as retention keeps it."""
    yield from _write(session, "DELETE", _page(page_id, f"/versions/{_quoted(name)}"), None)


def search(
    session: Session,
    query: str | None = None,
    *,
    mode: str = "hybrid",
    contains: Mapping[str, Any] | None = None,
    limit: int = 20,
) -> Steps[dict[str, Any]]:
    """Search pages by words, by containment in block data, or both: `hits`, `index_lag_ms`, `waiting`."""
    sent = {"mode": mode, "limit": str(limit)}
    if query is not None:
        sent["q"] = query
    if contains is not None:
        sent["contains"] = json.dumps(contains, ensure_ascii=False)
    return (yield from _read(session, "/search", sent))


def encode(document: Any) -> bytes:
    """JSON as it is sent.

    Raises:
        ValueError: NaN or infinity, which JSON does not know. TypeError: something that is no JSON at all.
    """
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()


def _read(session: Session, path: str, query: Mapping[str, str]) -> Steps[Any]:
    return json_of((yield from send(session, Send("GET", path, dict(query)))))


def _write(
    session: Session,
    method: str,
    path: str,
    body: Any,
    minimal: bool = False,
    idempotency_key: str | None = None,
    if_match: Versions = None,
    base_version: int | None = None,
    content_type: str = "application/json",
) -> Steps[httpx.Response]:
    headers = new_key(idempotency_key)
    if body is not None:
        headers["Content-Type"] = content_type
    if minimal:
        headers["Prefer"] = "return=minimal"
    if if_match is not None:
        headers["If-Match"] = _tags(if_match)
    query = {} if base_version is None else {"base_version": str(base_version)}
    content = body if isinstance(body, bytes) or body is None else encode(body)
    return (yield from send(session, Send(method, path, query, content, headers)))


def _tags(versions: int | str | Sequence[int]) -> str:
    if isinstance(versions, str):
        return versions
    return ", ".join(f'"{version}"' for version in ([versions] if isinstance(versions, int) else versions))


def _saved(answer: httpx.Response) -> Saved:
    return _saved_of(json_of(answer), _is_replayed(answer))


def _saved_of(body: Mapping[str, Any], replayed: bool) -> Saved:
    return Saved(
        body["version"],
        body.get("rebased", False),
        body.get("base_version"),
        body.get("server_patch"),
        body.get("applied_patch"),
        replayed,
    )


def _batch_result(result: Mapping[str, Any], replayed: bool) -> BatchResult:
    page_id, status = result["page_id"], result["status"]
    if status < 400:
        return BatchResult(page_id, status, _saved_of(result, replayed), None)
    members = {name: value for name, value in result.items() if name != "page_id"}
    return BatchResult(page_id, status, None, from_problem(status, members, str(result["detail"])))


def _etag(answer: httpx.Response) -> int:
    return int(answer.headers["ETag"].removeprefix("W/").strip('"'))


def _is_replayed(answer: httpx.Response) -> bool:
    return answer.headers.get("Idempotency-Replayed") == "true"


def _page(page_id: str, rest: str = "") -> str:
    return f"/pages/{_quoted(page_id)}{rest}"


def _quoted(text: str) -> str:
    return quote(text, safe="")

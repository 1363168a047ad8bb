"""Attempts to get where one does not belong, each with the refusal it meets. Tests run them, docs/security.md lists them.

`python -m app.tests.attempts` writes the table in docs/security.md anew.
"""

# ruff: noqa: E501, S608 - tables

from __future__ import annotations

import gzip
import json
import socket
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from app.tests import contract
from app.tests.processes import Api

REQUEST_SECONDS = 2
"""QUIRE_REQUEST_TIMEOUT of the server that attempts are made on."""

BEGIN, END = "<!-- attempts -->", "<!-- end of attempts -->"
DOCUMENT = contract.ROOT / "docs/security.md"
SQL = "'; drop table core.pages cascade; --"
JSON = "application/json"
PATCH = "application/json-patch+json"


@dataclass
class Stage:
    """Where attempts are made.

    Attributes:
        page: the victim's, in the API's first workspace.
        own: the attacker's workspace; own_page: the attacker's page in it.
        tokens: by what they are: outsider, stranger, viewer, reader, writer, owner, operator, expired, revoked.
        analyst: a login that may read the attacker's workspace by SQL.
    """

    api: Api
    page: str
    own: uuid.UUID
    own_page: str
    tokens: Mapping[str, str]
    analyst: str

    def fill(self, text: str) -> str:
        """Names of the stage in braces, put in."""
        names = {"w": str(self.api.workspace), "p": self.page, "own": str(self.own), "own_p": self.own_page}
        for name, value in names.items():
            text = text.replace("{" + name + "}", value)
        return text


@dataclass(frozen=True)
class Attempt:
    """One attempt.

    Attributes:
        group: a heading of the table.
        what: what is tried.
        refusal: what is seen.
        make: tries it, and says what is seen.
    """

    group: str
    what: str
    refusal: str
    make: Callable[[Stage], str]


def request(
    method: str,
    path: str,
    *,
    token: str = "outsider",
    headers: Mapping[str, str] | None = None,
    body: Any = None,
    kind: str = JSON,
    read: Callable[[httpx.Response], str] | None = None,
) -> Callable[[Stage], str]:
    """A request. body: text or bytes as they are, else JSON. Answers status and code, or what ``read`` says."""

    def make(stage: Stage) -> str:
        sent = {"If-Match": "*"}
        content = None
        if body is not None:
            sent["Content-Type"] = kind
            content = (
                body if isinstance(body, bytes) else stage.fill(body if isinstance(body, str) else json.dumps(body))
            )
        if token:
            sent["Authorization"] = f"Bearer {stage.tokens.get(token, token)}"
        sent |= headers or {}
        answer = httpx.request(
            method, stage.api.url + stage.fill(path), headers=sent, content=content, timeout=30, trust_env=False
        )
        return read(answer) if read else outcome(answer.status_code, answer.text)

    return make


def outcome(status: int, text: str) -> str:
    """Status, and the problem's code where there is one."""
    try:
        document = json.loads(text)
    except ValueError:
        return str(status)
    return f"{status} {document['code']}" if isinstance(document, dict) and "code" in document else str(status)


def raw(text: str | bytes, *, wait: float = 0, more: bytes = b"") -> Callable[[Stage], str]:
    """Bytes as they are; ``{token}`` is the attacker's. more: sent after ``wait`` seconds, as far as the server lets."""

    def make(stage: Stage) -> str:
        data = (
            text if isinstance(text, bytes) else stage.fill(text).replace("{token}", stage.tokens["outsider"]).encode()
        )
        address = urlsplit(stage.api.url)
        with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20) as connection:
            connection.sendall(data)
            answer = b""
            while part := connection.recv(65536):
                answer += part
        head, _, body = answer.partition(b"\r\n\r\n")
        assert b"HTTP/1.1 " not in body, "a second answer: the request was taken for two"
        return outcome(int(head.split(b" ")[1]), body.decode()) if head else "connection closed"

    return make


def statement(role: str, query: str) -> Callable[[Stage], str]:
    """SQL by a login of that role; `{p}` and the like are put in. Answers the SQLSTATE, or how many rows there were."""

    def make(stage: Stage) -> str:
        user = stage.analyst if role == "quire_analyst" else role
        with psycopg.connect(make_conninfo(stage.api.database, user=user), autocommit=True) as connection:
            try:
                cursor = connection.execute(stage.fill(query).encode())
            except psycopg.Error as error:
                return f"{error.sqlstate}"
            return f"{cursor.rowcount} rows"

    return make


def _head(line: str, *headers: str) -> str:
    return "\r\n".join([line, *headers, "", ""])


def _save(*headers: str, host: str = "Host: x", version: str = "1.1") -> str:
    return _head(
        "POST /v1/workspaces/{own}/pages HTTP/" + version,
        *([host] if host else []),
        "Authorization: Bearer {token}",
        f"Content-Type: {JSON}",
        *headers,
    )


def _named(answer: httpx.Response) -> str:
    """Of a page: whether a text is kept as it was sent."""
    kept = answer.status_code < 300 and SQL in json.dumps(answer.json(), ensure_ascii=False)
    return "stored as text" if kept else outcome(answer.status_code, answer.text)


def _hits(answer: httpx.Response) -> str:
    return (
        f"200, {len(answer.json()['hits'])} hits"
        if answer.status_code == 200
        else outcome(answer.status_code, answer.text)
    )


_W, _OWN = "/v1/workspaces/{w}", "/v1/workspaces/{own}"
_THEIRS, _THROUGH, _MINE = _W + "/pages/{p}", _OWN + "/pages/{p}", _OWN + "/pages/{own_p}"
_EDIT = [{"op": "replace", "path": "/title", "value": "mine"}]
_WHOLE: dict[str, Any] = {"title": "mine", "properties": {}, "blocks": []}
_NO_WORKSPACE, _NO_PAGE = "404 workspace_not_found", "404 page_not_found"


def _patched(path: str, patch: Any, refusal: str, what: str, group: str = "Bodies") -> Attempt:
    return Attempt(group, what, refusal, request("PATCH", path, body=patch, kind=PATCH))


def _created(body: Any, refusal: str, what: str) -> Attempt:
    return Attempt("Bodies", what, refusal, request("POST", _OWN + "/pages", body=body))


def _other_workspace() -> list[Attempt]:
    group = "Another workspace"
    found = [
        Attempt(group, "list its pages", _NO_WORKSPACE, request("GET", _W + "/pages")),
        Attempt(group, "create a page there", _NO_WORKSPACE, request("POST", _W + "/pages", body=_WHOLE)),
        Attempt(group, "search it", _NO_WORKSPACE, request("GET", _W + "/search?q=secret")),
        Attempt(group, "save a batch there", _NO_WORKSPACE, request("POST", _W + "/pages:batch", body={
            "patches": [{"page_id": "{p}", "if_match": "*", "patch": _EDIT}]})),
        Attempt(group, "a batch in the own workspace with its page", _NO_PAGE, request(
            "POST", _OWN + "/pages:batch",
            body={"patches": [{"page_id": "{own_p}", "if_match": "*", "patch": _EDIT},
                              {"page_id": "{p}", "if_match": "*", "patch": _EDIT}]})),
        Attempt(group, "search the own workspace for its words", "200, 0 hits",
                request("GET", _OWN + "/search?q=zebrasecret", read=_hits)),
        Attempt(group, "search the own workspace for its data", "200, 0 hits",
                request("GET", _OWN + "/search?contains=" + quote('{"text": "zebrasecret"}'), read=_hits)),
    ]  # fmt: skip
    for path, refusal, where in (
        (_THEIRS, _NO_WORKSPACE, "its page"), (_THROUGH, _NO_PAGE, "its page, through the own workspace"),
    ):  # fmt: skip
        found += [
            Attempt(group, f"read {where}", refusal, request("GET", path)),
            Attempt(group, f"read an old version of {where}", refusal, request("GET", path + "?version=1")),
            Attempt(group, f"read what changed in {where}", refusal, request("GET", path + "?since=0")),
            Attempt(group, f"replace {where}", refusal, request("PUT", path, body=_WHOLE)),
            Attempt(group, f"patch {where}", refusal, request("PATCH", path, body=_EDIT, kind=PATCH)),
            Attempt(group, f"merge into {where}", refusal, request(
                "PATCH", path, body={"title": "mine"}, kind="application/merge-patch+json")),
            Attempt(group, f"delete {where}", refusal, request("DELETE", path)),
            Attempt(group, f"read the log of {where}", refusal, request("GET", path + "/changes")),
            Attempt(group, f"read a difference of {where}", refusal, request("GET", path + "/diff?from=1")),
            Attempt(group, f"restore {where}", refusal, request("POST", path + "/restore", body={"version": 1})),
            Attempt(group, f"list named versions of {where}", refusal, request("GET", path + "/versions")),
            Attempt(group, f"name a version of {where}", refusal, request("PUT", path + "/versions/x", body={})),
            Attempt(group, f"take a name off {where}", refusal, request("DELETE", path + "/versions/x")),
        ]  # fmt: skip
    return found


def _roles_and_scopes() -> list[Attempt]:
    group = "Roles and scopes"
    viewer, scope = "403 role_required", "403 insufficient_scope"
    proxied = {"X-Forwarded-For": "127.0.0.1"}
    return [
        Attempt(group, "a viewer creates", viewer, request("POST", _W + "/pages", token="viewer", body=_WHOLE)),
        Attempt(group, "a viewer replaces", viewer, request("PUT", _THEIRS, token="viewer", body=_WHOLE)),
        Attempt(group, "a viewer patches", viewer, request("PATCH", _THEIRS, token="viewer", body=_EDIT, kind=PATCH)),
        Attempt(group, "a viewer deletes", viewer, request("DELETE", _THEIRS, token="viewer")),
        Attempt(group, "a viewer restores", viewer,
                request("POST", _THEIRS + "/restore", token="viewer", body={"version": 1})),
        Attempt(group, "a viewer names a version", viewer,
                request("PUT", _THEIRS + "/versions/x", token="viewer", body={})),
        Attempt(group, "a token to read writes", scope, request("POST", _W + "/pages", token="reader", body=_WHOLE)),
        Attempt(group, "a token to write reads", scope, request("GET", _THEIRS, token="writer")),
        Attempt(group, "an owner of a workspace looks at the queue", scope, request("GET", "/v1/indexing")),
        Attempt(group, "an owner of a workspace replays dead letters", scope,
                request("POST", "/v1/indexing/dead-letters:replay", body={"filter": {}})),
        Attempt(group, "an owner of a workspace pauses indexing", scope,
                request("POST", "/v1/indexing/pause", body={})),
        Attempt(group, "an operator who is no member reads a page", _NO_WORKSPACE,
                request("GET", _THEIRS, token="operator")),
        Attempt(group, "a user without any workspace lists pages", _NO_WORKSPACE,
                request("GET", _W + "/pages", token="stranger")),
        Attempt(group, "metrics through a proxy, without a token", "401 token_required",
                request("GET", "/metrics", token="", headers=proxied)),
        Attempt(group, "metrics through a proxy, without the scope", scope,
                request("GET", "/metrics", headers=proxied)),
    ]  # fmt: skip


def _tokens() -> list[Attempt]:
    group = "Tokens"
    unsigned = "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhZG1pbiJ9."
    signed = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.DGQ6rLFMm3WmkpTM8sEEbQ2RkVZGTCJ8xX5VrF0fVqU"

    def tried(what: str, refusal: str, **more: Any) -> Attempt:
        return Attempt(group, what, refusal, request("GET", _OWN + "/pages", **more))

    def digest(stage: Stage) -> str:
        with psycopg.connect(stage.api.database) as connection:
            row = connection.execute("select encode(token_hash, 'hex') from core.tokens limit 1").fetchone()
        assert row is not None
        return request("GET", _OWN + "/pages", token=row[0])(stage)

    def changed(change: Callable[[str], str]) -> Callable[[Stage], str]:
        return lambda stage: request("GET", _OWN + "/pages", token=change(stage.tokens["outsider"]))(stage)

    return [
        tried("none", "401 token_required", token=""),
        tried("a made up one", "401 token_invalid", token="quire_0000000000000000000000000000000000000000000"),
        tried("an expired one", "401 token_invalid", token="expired"),
        tried("a revoked one", "401 token_invalid", token="revoked"),
        Attempt(group, "the stored hash of one", "401 token_invalid", digest),
        Attempt(group, "a valid one and a letter", "401 token_invalid", changed(lambda token: token + "A")),
        Attempt(group, "a valid one in capitals", "401 token_invalid", changed(str.swapcase)),
        Attempt(group, "the beginning of a valid one", "401 token_invalid", changed(lambda token: token[:-1])),
        tried("an unsigned JWT (alg: none)", "401 token_invalid", token=unsigned),
        tried("a JWT signed with a guessed secret", "401 token_invalid", token=signed),
        tried("SQL", "401 token_invalid", token="' or true --"),
        tried("one of 12 KB", "401 token_invalid", token="x" * 12_000),
        tried("one of 20 KB", "431 headers_too_large", token="x" * 20_000),
        Attempt(group, "a valid one in the URL", "401 token_required", lambda stage: request(
            "GET", _OWN + "/pages?access_token=" + stage.tokens["outsider"], token="")(stage)),
        Attempt(group, "a valid one as a cookie", "401 token_required", lambda stage: request(
            "GET", _OWN + "/pages", token="", headers={"Cookie": "token=" + stage.tokens["outsider"]})(stage)),
        Attempt(group, "a valid one by Basic", "401 token_required", lambda stage: request(
            "GET", _OWN + "/pages", token="", headers={"Authorization": "Basic " + stage.tokens["outsider"]})(stage)),
        Attempt(group, "two Authorization headers", "400 bad_header",
                raw(_head("GET /v1/workspaces/{own}/pages HTTP/1.1", "Host: x", "Authorization: Bearer {token}",
                          "Authorization: Bearer {token}"))),
    ]  # fmt: skip


def _ids() -> list[Attempt]:
    group = "Guessed ids"

    def neighbour(stage: Stage) -> str:
        guessed = uuid.UUID(int=uuid.UUID(stage.own_page).int + 1)
        return request("GET", _OWN + f"/pages/{guessed}")(stage)

    return [
        Attempt(group, "the id after the own page's", _NO_PAGE, neighbour),
        *(
            Attempt(group, f"a page named `{shown}`", refusal, request("GET", _OWN + f"/pages/{text}"))
            for shown, text, refusal in (
                ("1", "1", _NO_PAGE),
                ("-1", "-1", _NO_PAGE),
                ("the nil UUID", "00000000-0000-0000-0000-000000000000", _NO_PAGE),
                ("*", "*", _NO_PAGE),
                ("%00", "%00", _NO_PAGE),
                ("{UUID}", "%7B{p}%7D", _NO_PAGE),
                ("..%2f..%2f", "..%2f..%2f", "404 not_found"),
                ("UUID%20or%20true", "{p}%20or%20true", _NO_PAGE),
                ("5000 letters", "x" * 5000, _NO_PAGE),
            )
        ),
        Attempt(group, "a workspace named `null`", _NO_WORKSPACE, request("GET", "/v1/workspaces/null/pages")),
        Attempt(group, "the workspace in capitals", _NO_WORKSPACE,
                lambda stage: request("GET", f"/v1/workspaces/{str(stage.api.workspace).upper()}/pages")(stage)),
    ]  # fmt: skip


def _sql_in_fields() -> list[Attempt]:
    group = "SQL in every field"
    text = quote(SQL, safe="")

    def query(what: str, path: str, refusal: str, token: str = "outsider") -> Attempt:
        return Attempt(group, what, refusal, request("GET", path, token=token))

    def page(what: str, document: Any, refusal: str = "stored as text") -> Attempt:
        return Attempt(group, what, refusal, request("POST", _OWN + "/pages", body=document, read=_named))

    def header(name: str, refusal: str) -> Attempt:
        return Attempt(group, f"the header {name}", refusal,
                       request("POST", _OWN + "/pages", body={"title": "x"}, headers={name: SQL}))  # fmt: skip

    block: dict[str, Any] = {"type": "code", "data": {}}
    admin = "/v1/indexing/dead-letters"
    return [
        page("title", {"title": SQL}),
        page("properties, name and value", {"properties": {SQL: SQL}}),
        page("a block's data", {"blocks": [block | {"data": {SQL: SQL}}]}),
        page("a block's type", {"blocks": [block | {"type": SQL}]}),
        page("a block's id", {"blocks": [block | {"id": SQL}]}, "422 block_id_invalid"),
        page("the page's id", {"id": SQL}, "422 page_id_invalid"),
        page("a member's name", {SQL: 1}, "422 unknown_member"),
        _patched(_MINE, [{"op": "replace", "path": SQL, "value": 1}], "400 malformed_patch", "a patch's path", group),
        _patched(_MINE, [{"op": "add", "path": f"/properties/{SQL}", "value": SQL}], "200", "a patch's path and value", group),
        _patched(_MINE, [{"op": "move", "from": SQL, "path": "/title"}], "400 malformed_patch", "a patch's from", group),
        _patched(_MINE, [{"op": SQL, "path": "/title", "value": 1}], "400 malformed_patch", "a patch's op", group),
        query("a query", _OWN + f"/search?q={text}", "200"),
        query("contains, as text", _OWN + f"/search?contains={text}", "400 bad_contains"),
        query("contains, inside", _OWN + "/search?contains=" + quote(json.dumps({SQL: SQL})), "200"),
        query("mode", _OWN + f"/search?q=x&mode={text}", "400 bad_parameter"),
        query("limit", _OWN + f"/pages?limit={text}", "400 bad_parameter"),
        query("cursor", _OWN + f"/pages?cursor={text}", "400 bad_cursor"),
        query("updated_within", _OWN + f"/pages?updated_within={text}", "400 bad_parameter"),
        query("version", _MINE + f"?version={text}", "400 bad_parameter"),
        query("a parameter's name", _MINE + f"?{text}=1", "400 unknown_parameter"),
        Attempt(group, "a version's name", "stored as text",
                request("PUT", _MINE + f"/versions/{text}", body={}, read=_named)),
        header("Idempotency-Key", "400 bad_header"),
        header("Quire-Priority", "400 bad_header"),
        header("X-Request-Id", "201"),
        header("Prefer", "201"),
        header("If-None-Match", "201"),
        Attempt(group, "the header If-Match", "400 bad_header",
                request("PUT", _MINE, body=_WHOLE, headers={"If-Match": SQL})),
        query("an operator's filter: error_code", f"{admin}?error_code={text}", "200", "operator"),
        query("an operator's filter: text", f"{admin}?text={text}", "200", "operator"),
        query("an operator's filter: fingerprint", f"{admin}?fingerprint={text}", "400 bad_filter", "operator"),
        query("an operator's filter: workspace_id", f"{admin}?workspace_id={text}", "400 bad_filter", "operator"),
        query("an operator's filter: died_after", f"{admin}?died_after={text}", "400 bad_filter", "operator"),
        Attempt(group, "an operator's filter: a name", "400 bad_filter", request(
            "POST", f"{admin}:replay", token="operator", body={"filter": {SQL: 1}})),
    ]  # fmt: skip


def _http() -> list[Attempt]:
    group = "HTTP"
    get = "GET /livez HTTP/1.1"
    bad = "400 bad_request"
    body = '{"title": "x"}'

    def still_there(answer: httpx.Response) -> str:
        return f"{answer.status_code}, the page is read"

    return [
        Attempt(group, "Content-Length beside Transfer-Encoding", "400 bad_header",
                raw(_save("Content-Length: 4", "Transfer-Encoding: chunked") + "0\r\n\r\nGET /livez HTTP/1.1\r\nHost: x\r\n\r\n")),
        Attempt(group, "two Content-Length", bad, raw(_save("Content-Length: 4", "Content-Length: 14") + body)),
        Attempt(group, "Content-Length: +14", bad, raw(_save("Content-Length: +14") + body)),
        Attempt(group, "Content-Length: -1", bad, raw(_save("Content-Length: -1") + body)),
        Attempt(group, "Content-Length: 14, 15", bad, raw(_save("Content-Length: 14, 15") + body)),
        Attempt(group, "Transfer-Encoding: xchunked", bad, raw(_save("Transfer-Encoding: xchunked") + "0\r\n\r\n")),
        Attempt(group, "Transfer-Encoding: chunked, identity", bad,
                raw(_save("Transfer-Encoding: chunked, identity") + "0\r\n\r\n")),
        Attempt(group, "Transfer-Encoding twice", bad,
                raw(_save("Transfer-Encoding: chunked", "Transfer-Encoding: chunked") + "0\r\n\r\n")),
        Attempt(group, "a space before a header's colon", bad, raw(_save("Transfer-Encoding : chunked") + "0\r\n\r\n")),
        Attempt(group, "a chunk's size that is no number", bad, raw(_save("Transfer-Encoding: chunked") + "zz\r\n")),
        Attempt(group, "a chunk that is longer than it says", bad,
                raw(_save("Transfer-Encoding: chunked") + "2\r\n" + body + "\r\n0\r\n\r\n")),
        Attempt(group, "Transfer-Encoding in HTTP/1.0", "400 bad_header",
                raw(_save("Transfer-Encoding: chunked", version="1.0") + "0\r\n\r\n")),
        Attempt(group, "no Host", bad, raw(_head(get, "Connection: close"))),
        Attempt(group, "two Hosts", bad, raw(_head(get, "Host: a", "Host: b", "Connection: close"))),
        Attempt(group, "a line end in a header's value", bad, raw(_head(get, "Host: x", "X: a\rb", "Connection: close"))),
        Attempt(group, "NUL in a header", bad, raw(_head(get, "Host: x", "X: a\0b", "Connection: close"))),
        Attempt(group, "HTTP/9.9", bad, raw(_head("GET / HTTP/9.9", "Host: x"))),
        Attempt(group, "TLS on the plain port", "connection closed or refused", _tls),
        Attempt(group, "a request line of 20 KB, slowly", "414 url_too_long", raw("GET /" + "a" * 20_000)),
        Attempt(group, "a URL of 9 KB", "414 url_too_long", request("GET", "/livez?" + "a" * 9000)),
        Attempt(group, "200 headers", "431 headers_too_large",
                raw(_head(get, "Host: x", *(f"X-{n}: 1" for n in range(200)), "Connection: close"))),
        Attempt(group, "a header of 20 KB", "431 headers_too_large",
                raw(_head(get, "Host: x", "X: " + "a" * 20_000, "Connection: close"))),
        Attempt(group, "headers without end", "431 headers_too_large",
                raw(get + "\r\nHost: x\r\n" + "X: aaaaaaaaaaaa\r\n" * 2000)),
        Attempt(group, "a header that never ends, slowly", "408 request_timeout", raw(get + "\r\nHost: x\r\nX: a")),
        Attempt(group, "a body that never ends, slowly", "408 request_timeout", raw(_save("Content-Length: 14") + '{"title')),
        Attempt(group, "a connection on which nothing is sent", "connection closed", raw("")),
        Attempt(group, "another host in the request line", "404 not_found",
                raw(_head("GET http://internal.example/v1/indexing HTTP/1.1", "Host: x", "Connection: close"))),
        Attempt(group, "CONNECT", "404 not_found", raw(_head("CONNECT internal.example:80 HTTP/1.1", "Host: x", "Connection: close"))),
        Attempt(group, "X-HTTP-Method-Override: DELETE", "200, the page is read",
                request("GET", _MINE, headers={"X-HTTP-Method-Override": "DELETE"}, read=still_there)),
        Attempt(group, "X-Original-URL to another route", "200, the page is read",
                request("GET", _MINE, headers={"X-Original-URL": "/metrics", "X-Rewrite-URL": "/metrics"}, read=still_there)),
        Attempt(group, "TRACE", "405 method_not_allowed", request("TRACE", _MINE)),
        Attempt(group, "a script of another origin asks leave", "405 method_not_allowed", request(
            "OPTIONS", _MINE, token="",
            headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "GET"})),
        Attempt(group, "a compressed body (1 GB in 1 MB)", "415 unsupported_content_encoding", request(
            "POST", _OWN + "/pages", body=gzip.compress(bytes(1 << 20)), headers={"Content-Encoding": "gzip"})),
    ]  # fmt: skip


def _tls(stage: Stage) -> str:
    seen = raw(b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03" + bytes(range(100, 200)) + b"\r\n\r\n")(stage)
    return "connection closed or refused" if seen in ("connection closed", "400 bad_request") else seen


def _bodies() -> list[Attempt]:
    deep = '{"properties": ' + '{"a": ' * 70 + "1" + "}" * 70 + "}"
    whole = [{"op": "copy", "from": "", "path": "/properties/x"}] * 17
    doubling = [{"op": "add", "path": "/properties", "value": {"a": "x" * 10_000}}]
    doubling += [{"op": "copy", "from": "/properties", "path": f"/properties/p{n}"} for n in range(12)]
    page = '{"properties": {"n": %s}}'
    return [
        _created("x" * (1 << 20) + "y", "413 body_too_large", "more than 1 MiB"),
        _created("[" * 500_000, "413 too_deep", "500,000 brackets"),
        _created('{"a":' * 200_000, "413 too_deep", "200,000 objects within each other"),
        _created(deep, "413 too_deep", "70 levels"),
        _created(page % "1e131071", "413 number_too_large", "1e131071: 8 bytes that print as 131,072"),
        _created(page % "1e-16000", "413 number_too_large", "1e-16000"),
        _created(page % "1e999999999999", "413 number_too_large", "1e999999999999"),
        _created(page % ("9" * 5000), "413 number_too_large", "a number of 5000 digits"),
        _created('{"title": "\\u0000"}', "400 nul_character", "an escaped NUL"),
        _created(b'{"title": "\x00"}', "400 malformed_json", "a NUL"),
        _created('{"title": "\\ud800"}', "400 lone_surrogate", "half of a surrogate pair"),
        _created(b'{"title": "\xed\xa0\x80"}', "400 malformed_json", "a surrogate in UTF-8"),
        _created(b'{"title": "\xc3', "400 malformed_json", "UTF-8 that is cut off"),
        _created(b'\xef\xbb\xbf{"title": "x"}', "400 malformed_json", "a byte order mark"),
        _created('{"title": "x"}'.encode("utf-16"), "400 malformed_json", "UTF-16"),
        _created('{"title": "x", "title": "y"}', "400 duplicate_key", "a key twice"),
        _created('{"title": "x"} {}', "400 malformed_json", "two documents"),
        _created('{"title": NaN}', "400 malformed_json", "NaN"),
        _created({"title": "x", "version": 5, "owner": "me"}, "422 unknown_member", "members of the server's own"),
        _created({"blocks": [{"type": "code", "data": {}}] * 10_001}, "413 too_many_blocks", "10,001 blocks"),
        _created({"blocks": [{"type": "code", "data": {"t": "x" * 270_000}}]}, "413 block_too_large", "a block of 270 KB"),
        _patched(_MINE, [{"op": "test", "path": "/title", "value": 1}] * 1001, "413 too_many_operations", "1001 operations"),
        _patched(_MINE, whole, "413 too_many_operations", "17 copies of the whole document"),
        _patched(_MINE, doubling, "413 copy_too_large", "12 doublings of 10 KB"),
        _patched(_MINE, [{"op": "add", "path": "/properties" + "/a" * 3000, "value": 1}], "413 pointer_too_long",
                 "a path of 3000 tokens"),
        _patched(_MINE, [{"op": "add", "path": "/blocks/999999999999999999999", "value": {"type": "code", "data": {}}}],
                 "422 patch_index_out_of_range", "an index beyond all numbers"),
        _patched(_MINE, [{"op": "remove", "path": ""}], "422 patch_root_removed", "the whole document removed"),
        _patched(_MINE, [{"op": "replace", "path": "/version", "value": 1}], "422 patch_path_missing", "the version written"),
        _patched(_MINE, [{"op": "replace", "path": "/id", "value": "{p}"}], "422 patch_path_missing", "the id written"),
        Attempt("Bodies", "101 patches in a batch", "413 too_many_patches", request(
            "POST", _OWN + "/pages:batch",
            body={"patches": [{"page_id": "{own_p}", "if_match": "*", "patch": []}] * 101})),
        Attempt("Bodies", "a form", "415 unsupported_media_type", request(
            "POST", _OWN + "/pages", body="title=x", kind="application/x-www-form-urlencoded")),
        Attempt("Bodies", "a query of 1001 letters", "400 query_too_long", request("GET", _OWN + "/search?q=" + "x" * 1001)),
        Attempt("Bodies", "a containment of 5000 characters", "400 bad_contains", request(
            "GET", _OWN + "/search?contains=" + '{"a":"' + "x" * 5000 + '"}')),
        Attempt("Bodies", "a containment with half of a surrogate pair", "400 bad_contains", request(
            "GET", _OWN + "/search?contains=" + quote('{"a": "\\ud800"}'))),
    ]  # fmt: skip


def _direct_sql() -> list[Attempt]:
    refused = "42501"
    api, worker, monitor, analyst = "quire_api", "quire_worker", "quire_monitor", "quire_analyst"
    theirs = "'{w}'::uuid"
    tried: list[tuple[str, str, str, str]] = [
        (api, "read pages", "select title from core.pages", refused),
        (api, "read hashes of tokens", "select token_hash from core.tokens", refused),
        (api, "write pages", "update core.pages set title = 'mine'", refused),
        (api, "make itself a member", f"insert into core.workspace_members select {theirs}, gen_random_uuid(), 'owner'", refused),
        (api, "empty the limiter", "truncate core.rate_buckets", refused),
        (api, "call an inner function", f"select core.check_member({theirs}, gen_random_uuid(), 'viewer')", refused),
        (api, "make a token", "select ops.create_token(gen_random_uuid(), sha256('x'), 'x', array['admin'], null)", refused),
        (api, "claim queue entries", "select indexing.leave('x')", refused),
        (api, "replace a function", "create or replace function api.readiness() returns int language sql as 'select 1'", refused),
        (api, "drop a table", "drop table core.pages", refused),
        (api, "make a schema", "create schema mine", refused),
        (api, "make a table in public", "create table public.mine (a int)", refused),
        (api, "drop an extension", "drop extension vector", refused),
        (api, "become the owner", "set role quire_owner", refused),
        (api, "become the worker", "set role quire_worker", refused),
        (api, "become a superuser", "alter role quire_api superuser", refused),
        (api, "make a role", "create role mine", refused),
        (api, "switch triggers off", "set session_replication_role = replica", refused),
        (api, "read a file", "select pg_read_file('/etc/passwd')", refused),
        (api, "list a folder", "select pg_ls_dir('/')", refused),
        (api, "load a file as a large object", "select lo_import('/etc/passwd')", refused),
        (api, "run a program", "copy (select 1) to program 'id'", refused),
        (api, "write a file", "copy (select 1) to '/tmp/x'", refused),
        (api, "load a library", "load '/tmp/x.so'", refused),
        (api, "read password hashes", "select rolpassword from pg_authid", refused),
        (api, "read samples of column values", "select stavalues1 from pg_statistic", refused),
        (api, "see a column's most common values", "select 1 from pg_stats where schemaname = 'core'", "0 rows"),
        (api, "change the server's settings", "alter system set fsync = off", refused),
        (api, "end others' sessions",
         "select pg_terminate_backend(pid) from pg_stat_activity where pid = (select pid from pg_stat_activity"
         " where usename = 'postgres' or backend_type = 'checkpointer' limit 1)", refused),
        (worker, "read pages", "select title from core.pages", refused),
        (worker, "authenticate", "select api.admit(sha256('x'), null, 0)", "42501 or 42883"),
        (worker, "make a token", "select ops.create_token(gen_random_uuid(), sha256('x'), 'x', array['admin'], null)", refused),
        (worker, "replay dead letters", "select ops.replay_dead_letters('{}')", refused),
        (worker, "become the API", "set role quire_api", refused),
        (monitor, "read pages", "select title from core.pages", refused),
        (monitor, "pause indexing", "select ops.pause_indexing('x')", refused),
        (monitor, "revoke tokens", "select ops.revoke_token(gen_random_uuid())", refused),
        (monitor, "read a file", "select pg_read_file('/etc/passwd')", refused),
        (analyst, "read pages of another workspace", f"select title from core.pages where workspace_id = {theirs}", "0 rows"),
        (analyst, "read blocks of another workspace", "select data from core.blocks where data @> '{\"text\": \"zebrasecret\"}'", "0 rows"),
        (analyst, "count its history", f"select 1 from core.page_changes where workspace_id = {theirs}", "0 rows"),
        (analyst, "name itself its reader", f"insert into core.readers values ({theirs}, current_user, now())", refused),
        (analyst, "switch row security off", "set row_security = off; select count(*) from core.pages", refused),
        (analyst, "write pages", "update core.pages set title = 'mine'", refused),
        (analyst, "read tokens", "select token_hash from core.tokens", refused),
        (analyst, "become the owner", "set role quire_owner", refused),
        (analyst, "become another login", "set session authorization quire_api", refused),
    ]  # fmt: skip
    return [
        Attempt(f"Direct SQL as {role}", what, refusal, _either(statement(role, query), refusal))
        for role, what, query, refusal in tried
    ]


def _either(make: Callable[[Stage], str], refusal: str) -> Callable[[Stage], str]:
    def made(stage: Stage) -> str:
        seen = make(stage)
        return refusal if seen in refusal.split(" or ") else seen

    return made


ATTEMPTS: tuple[Attempt, ...] = (
    *_other_workspace(),
    *_roles_and_scopes(),
    *_tokens(),
    *_ids(),
    *_sql_in_fields(),
    *_http(),
    *_bodies(),
    *_direct_sql(),
)


def table() -> str:
    """The attempts as Markdown."""
    lines = [f"{len(ATTEMPTS)} attempts.", ""]
    group = ""
    for attempt in ATTEMPTS:
        if attempt.group != group:
            group = attempt.group
            lines += ["", f"**{group}**", "", "| attempt | seen |", "|---|---|"]
        what = attempt.what.replace("|", "\\|")
        lines.append(f"| {what} | {attempt.refusal} |")
    return "\n".join(lines).replace("\n\n\n", "\n\n")


def with_table(text: str) -> str:
    """The document with the table of now."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


if __name__ == "__main__":
    DOCUMENT.write_text(with_table(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")

"""Attempts to get where one does not belong, each with the refusal it meets. Tests run them, docs/security.md lists them.

`python -m app.tests.attempts` writes the table in docs/security.md anew.
"""

# ruff: noqa: E501, S608 - tables

from __future__ import annotations

import copy
import gzip
import hashlib
import hmac
import json
import re
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from urllib.parse import quote, urlsplit

import httpx
import psycopg
from psycopg.conninfo import make_conninfo

from app.tests import contract
from app.tests.contract import Field
from app.tests.issuer import ISSUER, Issuer, default_claims, encoded, part, rsa_key
from app.tests.processes import NO_TLS, Api

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
        tokens: by what they are: outsider, stranger, viewer, reader, writer, operator, expired, revoked.
        victim, victims_token: the id of the victim's first owner, and of a token of it; attacker, viewer, readers_token: ids.
        issuer: whose JWTs the server takes; subject: at it, the attacker; disabled: a subject that was shut out.
        logins: by what they are: analyst, who may read the attacker's workspace by SQL, and nobody, in no role.
        superuser, superuser_pid: the server's superuser, and the process of a session of it.
    """

    api: Api
    page: str
    own: uuid.UUID
    own_page: str
    tokens: Mapping[str, str]
    victim: uuid.UUID
    attacker: uuid.UUID
    victims_token: uuid.UUID
    viewer: uuid.UUID
    readers_token: uuid.UUID
    issuer: Issuer
    subject: str
    disabled: str
    logins: Mapping[str, str]
    superuser: str
    superuser_pid: str

    def fill(self, text: str) -> str:
        """Names of the stage in braces, put in."""
        names = {
            "w": str(self.api.workspace), "p": self.page, "own": str(self.own), "own_p": self.own_page,
            "victim": str(self.victim), "attacker": str(self.attacker), "token_id": str(self.victims_token),
            "viewer": str(self.viewer), "superuser": self.superuser, "superuser_pid": self.superuser_pid, "page": self.own_page,
        }  # fmt: skip
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
            method,
            stage.api.url + stage.fill(path),
            headers=sent,
            content=content,
            timeout=30,
            trust_env=False,
            verify=NO_TLS,
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
        assert not re.search(rb"HTTP/1\.1 \d", body), "a second answer: the request was taken for two"
        return outcome(int(head.split(b" ")[1]), body.decode()) if head else "connection closed"

    return make


def statement(role: str, query: str) -> Callable[[Stage], str]:
    """SQL by a login of that role; `{p}` and the like are put in. Answers the SQLSTATE, or how many rows there were."""

    def make(stage: Stage) -> str:
        user = stage.logins.get(role, role)
        try:
            connection = psycopg.connect(make_conninfo(stage.api.database, user=user), autocommit=True)
        except psycopg.OperationalError as error:
            return _NO_LOGIN if _NO_LOGIN in str(error) else str(error)
        with connection:
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
_NO_LOGIN = "is not permitted to log in"


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
        Attempt(group, "read its name", _NO_WORKSPACE, request("GET", _W)),
        Attempt(group, "rename it", _NO_WORKSPACE, request("PATCH", _W, body={"name": "mine"})),
        Attempt(group, "list its members", _NO_WORKSPACE, request("GET", _W + "/members")),
        Attempt(group, "look a member up", _NO_WORKSPACE, request("GET", _W + "/members/{victim}")),
        Attempt(group, "become its owner", _NO_WORKSPACE, request(
            "PUT", _W + "/members/{attacker}", body={"role": "owner"})),
        Attempt(group, "throw its owner out", _NO_WORKSPACE, request("DELETE", _W + "/members/{victim}")),
        Attempt(group, "look its owner up in the own workspace", "404 member_not_found",
                request("GET", _OWN + "/members/{victim}")),
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
        Attempt(group, "an owner of a workspace lists users", scope, request("GET", "/v1/users")),
        Attempt(group, "an owner of a workspace makes a user", scope, request("POST", "/v1/users", body={"name": "x"})),
        Attempt(group, "an owner of a workspace lists tokens", scope, request("GET", "/v1/tokens")),
        Attempt(group, "an owner of a workspace makes a token for another user", scope, request(
            "POST", "/v1/tokens", body={"user_id": "{victim}", "scopes": ["admin"]})),
        Attempt(group, "an owner of a workspace rotates another's token", scope, request(
            "POST", "/v1/tokens/{token_id}:rotate", body={})),
        Attempt(group, "an owner of a workspace revokes another's token", scope,
                request("DELETE", "/v1/tokens/{token_id}")),
        Attempt(group, "an owner of a workspace lists all workspaces", scope, request("GET", "/v1/workspaces")),
        Attempt(group, "an owner of a workspace reads the audit log", scope, request("GET", "/v1/audit")),
        Attempt(group, "an owner of a workspace looks at rate limits", scope, request("GET", "/v1/limits")),
        Attempt(group, "an owner of a workspace ends its own block", scope, request(
            "POST", "/v1/limits:unblock", body={"key": "{attacker}"})),
        Attempt(group, "a viewer makes itself owner", viewer, request(
            "PUT", _W + "/members/{viewer}", token="viewer", body={"role": "owner"})),
        Attempt(group, "a viewer throws the owner out", viewer,
                request("DELETE", _W + "/members/{victim}", token="viewer")),
        Attempt(group, "a viewer renames the workspace", viewer,
                request("PATCH", _W, token="viewer", body={"name": "mine"})),
        Attempt(group, "an operator makes a token that may more than its own", "403 scope_not_held", request(
            "POST", "/v1/tokens", token="operator", body={"user_id": "{attacker}", "scopes": ["bypass_rate_limit"]})),
        Attempt(group, "an operator takes over a token that may more, by rotating it", "403 scope_not_held", request(
            "POST", "/v1/tokens/{token_id}:rotate", token="operator", body={})),
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


def _jwts() -> list[Attempt]:
    """The attacker's own subject in each, so that the one thing named is what is wrong with it."""
    group, invalid = "JWTs", "401 token_invalid"
    minute = 60

    def tried(what: str, token: Callable[[Stage], str], refusal: str = invalid, path: str = _OWN + "/pages") -> Attempt:
        return Attempt(group, what, refusal, lambda stage: request("GET", path, token=token(stage))(stage))

    def good(stage: Stage, **changed: Any) -> str:
        claims: dict[str, Any] = {"sub": stage.subject, "spaces": [str(stage.own)]} | changed
        return stage.issuer.token(**claims)

    def claimed(what: str, refusal: str = invalid, **changed: Callable[[], Any]) -> Attempt:
        return tried(what, lambda stage: good(stage, **{name: value() for name, value in changed.items()}), refusal)

    def parts(stage: Stage) -> list[str]:
        return good(stage).split(".")

    def headed(what: str, **header: Any) -> Attempt:
        return tried(what, lambda stage: ".".join([part({"alg": "RS256", "kid": "rsa-1"} | header), *parts(stage)[1:]]))

    def own_key(what: str, **header: Any) -> Attempt:
        """Signed with a key of the attacker's."""
        return tried(what, lambda stage: good(stage, key=rsa_key(), headers=header))

    def secret(text: bytes) -> Callable[[Stage], str]:
        def made(stage: Stage) -> str:
            signed = f"{part({'alg': 'HS256', 'kid': 'rsa-1'})}.{parts(stage)[1]}"
            return f"{signed}.{encoded(hmac.new(text, signed.encode(), hashlib.sha256).digest())}"

        return made

    def changed(stage: Stage) -> str:
        head, _, signature = parts(stage)
        claims = default_claims() | {"sub": stage.subject, "spaces": [str(stage.api.workspace)]}
        return f"{head}.{part(claims)}.{signature}"

    return [
        tried("alg: none", lambda stage: f"{part({'alg': 'none'})}.{parts(stage)[1]}."),
        tried("alg: nOnE, with the signature of another", lambda stage: ".".join(
            [part({"alg": "nOnE", "kid": "rsa-1"}), *parts(stage)[1:]])),
        tried("HS256 with the issuer's public key for a secret", lambda stage: stage.issuer.hmac_token()),
        tried("HS256 with an empty secret", secret(b"")),
        tried("HS256 with a guessed secret", secret(b"secret")),
        headed("RS256 that says it is ES256", alg="ES256"),
        headed("RS256 that says it is PS256", alg="PS256"),
        headed("a list of algorithms", alg=["RS256"]),
        own_key("signed by another key"),
        own_key("signed by another key, which the header brings along", jwk={"kty": "RSA", "n": "x", "e": "AQAB"}),
        own_key("signed by another key, whose address the header gives", jku="https://evil.example/jwks.json"),
        own_key("signed by another key, whose certificate the header brings along", x5c=["MIIB"]),
        headed("the id of a key that is a path", kid="../../../../dev/null"),
        headed("the id of a key that is SQL", kid=SQL),
        headed("a critical extension", crit=["b64"], b64=True),
        tried("claims that were changed", changed),
        tried("without its signature", lambda stage: ".".join([*parts(stage)[:2], ""])),
        tried("with five parts, as if it were encrypted", lambda stage: good(stage) + ".a.b"),
        claimed("expired", exp=lambda: int(time.time()) - minute),
        claimed("without expiry", exp=lambda: None),
        claimed("not valid yet", nbf=lambda: int(time.time()) + 10 * minute),
        claimed("issued in the future", iat=lambda: int(time.time()) + 10 * minute),
        claimed("for another audience", aud=lambda: "another"),
        claimed("for no audience", aud=lambda: None),
        claimed("of another issuer", iss=lambda: "https://evil.example"),
        claimed("of an issuer whose name begins like ours", iss=lambda: ISSUER + ".evil.example"),
        claimed("of no issuer", iss=lambda: None),
        claimed("of no subject", sub=lambda: None),
        claimed("of a subject that is a number", sub=lambda: 1),
        claimed("of a subject that is SQL", "401 subject_unknown", sub=lambda: SQL),
        claimed("of a subject that nobody knows", "401 subject_unknown", sub=lambda: "nobody"),
        tried("of a subject that was shut out", lambda stage: good(stage, sub=stage.disabled), "401 subject_unknown"),
        tried("that claims the victim's workspace", lambda stage: good(stage, spaces=[str(stage.api.workspace)]),
              _NO_WORKSPACE, _W + "/pages"),
        tried("that claims no workspace", lambda stage: good(stage, spaces=None), _NO_WORKSPACE),
        tried("that claims the scope admin", lambda stage: good(stage, scope="read write admin"),
              "403 insufficient_scope", "/v1/indexing"),
        tried("nothing wrong with it, so that these are refused for what they are", good, "200"),
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
        Attempt(group, "a member named `1`", "404 member_not_found", request("GET", _OWN + "/members/1")),
        Attempt(group, "a token named `1`", "404 token_not_found",
                request("DELETE", "/v1/tokens/1", token="operator")),
        Attempt(group, "a cursor of another list", "400 bad_cursor",
                lambda stage: request("GET", _OWN + "/pages?cursor=" + stage.own_page)(stage)),
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
        *(
            Attempt(group, f"100 MB of zeros by {name}", "415 unsupported_content_encoding", request(
                "POST", _OWN + "/pages", body=_bomb(), headers={"Content-Encoding": name}))
            for name in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "x-gzip")
        ),
        Attempt(group, "zeros by gzip, said in Transfer-Encoding", bad, raw(_save("Transfer-Encoding: gzip, chunked") + "0\r\n\r\n")),
    ]  # fmt: skip


@cache
def _bomb() -> bytes:
    return gzip.compress(bytes(100 << 20), 1)


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
    theirs = "'{w}'::uuid"
    token = "select ops.create_token(gen_random_uuid(), sha256('x'), 'x', array['admin'], null)"
    everybody: list[tuple[str, str]] = [
        ("become a superuser", "alter role current_user superuser"),
        ("become the superuser", "set role {superuser}"),
        ("become another login", "set session authorization {superuser}"),
        ("make a role", "create role mine"),
        ("switch triggers off", "set session_replication_role = replica"),
        ("read a file", "select pg_read_file('/etc/passwd')"),
        ("list a folder", "select pg_ls_dir('/')"),
        ("load a file into a table", "copy pg_description from '/etc/passwd'"),
        ("load a file as a large object", "select lo_import('/etc/passwd')"),
        ("run a program", "copy (select 1) to program 'id'"),
        ("write a file", "copy (select 1) to '/tmp/x'"),
        ("load a library", "load '/tmp/x.so'"),
        ("write a function in C", "create function pg_temp.mine() returns int language c as '/tmp/x.so', 'mine'"),
        ("read password hashes", "select rolpassword from pg_authid"),
        ("change the server's settings", "alter system set fsync = off"),
        ("see who may log in from where", "select * from pg_hba_file_rules"),
    ]
    processes: list[tuple[str, str]] = [
        ("read pages", "select title from core.pages"),
        ("read hashes of tokens", "select token_hash from core.tokens"),
        ("write pages", "update core.pages set title = 'mine'"),
        ("make itself a member", f"insert into core.workspace_members select {theirs}, gen_random_uuid(), 'owner'"),
        ("empty the limiter", "truncate core.rate_buckets"),
        ("clear the audit log", "delete from core.audit_log"),
        ("call an inner function", f"select core.check_member({theirs}, gen_random_uuid(), 'viewer')"),
        ("make a token", token),
        ("let itself read by SQL", f"select ops.add_reader({theirs}, current_user::text)"),
        ("replace a function", "create or replace function api.readiness() returns int language sql as 'select 1'"),
        ("drop a table", "drop table core.pages"),
        ("switch row security off", "alter table core.pages disable row level security"),
        ("make a schema", "create schema mine"),
        ("make a table in public", "create table public.mine (a int)"),
        ("make a temporary table", "create temporary table mine (a int)"),
        ("drop an extension", "drop extension vector"),
        ("become the owner", "set role quire_owner"),
        ("read samples of column values", "select stavalues1 from pg_statistic"),
        ("end others' sessions", "select pg_terminate_backend(pid) from pg_stat_activity where pid = {superuser_pid}"),
    ]
    samples = ("see a column's most common values", "select 1 from pg_stats where schemaname = 'core'", "0 rows")
    single: dict[str, list[tuple[str, str, str]]] = {
        "quire_api": [
            ("claim queue entries", "select indexing.leave('x')", refused),
            ("become the worker", "set role quire_worker", refused),
            samples,
        ],
        "quire_worker": [
            ("authenticate", "select api.admit(sha256('x'), null, null, null, null)", refused),
            ("replay dead letters", "select ops.replay_dead_letters('{}')", refused),
            ("become the API", "set role quire_api", refused),
            samples,
        ],
        "quire_monitor": [
            ("authenticate", "select api.admit(sha256('x'), null, null, null, null)", refused),
            ("pause indexing", "select ops.pause_indexing('x')", refused),
            ("revoke tokens", "select ops.revoke_token(gen_random_uuid())", refused),
            samples,
        ],
        "analyst": [
            ("read pages of another workspace", f"select title from core.pages where workspace_id = {theirs}", "0 rows"),
            ("read blocks of another workspace",
             "select data from core.blocks where data @> '{\"text\": \"zebrasecret\"}'", "0 rows"),
            ("find them out by an error",
             "select 1 / (title <> 'zebrasecret')::int from core.pages where title = 'zebrasecret'", "0 rows"),
            ("find them out by a function of its own",
             "create function pg_temp.peek(text) returns bool cost 0.0001 language plpgsql as 'begin raise notice ''%'', $1; end'",
             refused),
            ("count its history", f"select 1 from core.page_changes where workspace_id = {theirs}", "0 rows"),
            ("read a partition of its history", "do $$ begin execute (select format('select * from %s', inhrelid::regclass)"
             " from pg_inherits where inhparent = 'core.page_changes'::regclass limit 1); end $$", refused),
            ("name itself its reader", f"insert into core.readers values ({theirs}, current_user, now())", refused),
            ("ask for rows without row security", "set row_security = off; select count(*) from core.pages", refused),
            ("authenticate", "select api.admit(sha256('x'), null, null, null, null)", refused),
            ("read a page by the API's function",
             f"select api.get_page({theirs}, '{{victim}}', '{{p}}', null)", refused),
            samples,
        ],
        "nobody": [("read a page by the API's function",
                    f"select api.get_page({theirs}, '{{victim}}', '{{p}}', null)", refused)],
        "quire_owner": [("log in", "select 1", _NO_LOGIN)],
        "quire_analyst": [("log in", "select 1", _NO_LOGIN)],
    }  # fmt: skip
    named = {
        "analyst": "a member of quire_analyst", "nobody": "a login that is in no role of Quire's",
        "quire_migrator": "quire_migrator (worth as much as the data, not as the server)",
        "quire_maintenance": "quire_maintenance (likewise)",
    }  # fmt: skip
    found: list[Attempt] = []
    for role in (
        "quire_api", "quire_worker", "quire_monitor", "analyst", "nobody", "quire_migrator", "quire_maintenance",
        "quire_owner", "quire_analyst",
    ):  # fmt: skip
        tried: list[tuple[str, str, str]] = []
        if not role.endswith(("owner", "quire_analyst")):
            if role not in ("quire_migrator", "quire_maintenance"):
                # Of its own workspaces the analyst reads pages: what it may not is below.
                tried += [(*one, refused) for one in processes if (role, one[0]) != ("analyst", "read pages")]
            tried += [(*one, refused) for one in everybody]
        tried += single.get(role, [])
        group = f"Direct SQL as {named.get(role, role)}"
        found += [Attempt(group, what, refusal, statement(role, query)) for what, query, refusal in tried]
    return found


# One good body of each that has one.
_BLOCK: dict[str, Any] = {"id": "b", "type": "code", "data": {}}
_PAGE: dict[str, Any] = {"title": "x", "properties": {}, "blocks": [_BLOCK]}
_MOVE = {"op": "copy", "from": "/title", "path": "/properties/x"}
BODIES: Mapping[tuple[str, str], Any] = {
    ("POST", "pages"): _PAGE,
    ("PUT", "{page_id}"): _PAGE,
    ("PATCH", "{page_id}"): [_MOVE],
    ("POST", "pages:batch"): {"patches": [{"page_id": "{page}", "if_match": "*", "patch": [_MOVE]}]},
    ("POST", "restore"): {"version": 1},
    ("PUT", "{name}"): {},
    ("POST", "workspaces"): {"name": "x"},
    ("PATCH", "{workspace_id}"): {"name": "x"},
    ("PUT", "{user_id}"): {"role": "owner"},
    ("POST", "users"): {"name": "x"},
    ("POST", "tokens"): {"user_id": "{attacker}", "name": "x", "scopes": ["read"]},
    ("POST", "{token_id}:rotate"): {},
    ("POST", "dead-letters:replay"): {"filter": {}},
    ("POST", "dead-letters:discard"): {"filter": {}},
    ("POST", "pause"): {"reason": "x"},
    ("POST", "limits:unblock"): {"key": "x"},
}
TEXTS = frozenset({
    "title", "blocks[].type", "name", "reason", "q", "error_code", "text", "filter.error_code", "filter.text", "action", "key",
    "X-Request-Id", "Prefer",
})  # fmt: skip
"""Fields that any text may be in. All others refuse it."""
SEARCHED = frozenset({"q", "error_code", "text", "filter.error_code", "filter.text", "action", "key", "reason"})
"""Of these, those whose text is not told back."""


def put_into(stage: Stage, field: Field, text: str) -> httpx.Response:
    """A request that is good but for this text in one of its fields. By an operator where no workspace is named."""
    within = "{workspace_id}" in field.route
    own = {"workspace_id": str(stage.own), "page_id": stage.own_page, "name": "x", "user_id": str(stage.viewer),
           "token_id": str(stage.readers_token)}  # fmt: skip
    client = stage.api.client(stage.tokens["outsider" if within else "operator"])
    if field.method == "DELETE" and field.route.endswith("{page_id}"):
        made = client.post(f"{stage.api.url}/v1/workspaces/{stage.own}/pages", json=_PAGE)
        own["page_id"] = made.json()["id"]
    if field.where == "path":
        own[field.name] = quote(text, safe="")
    path = re.sub(r"{(\w+)}", lambda found: own[found[1]], field.route)
    headers = {"If-Match": "*"}
    query = {"q": "x"} if path.endswith("/search") else {"from": "1"} if path.endswith("/diff") else {}
    body = copy.deepcopy(BODIES.get((field.method, field.route.rsplit("/", 1)[1])))
    content: bytes | None = None
    if field.where == "header":
        headers[field.name] = text
    elif field.where == "query":
        query = query | {field.name: text}
    elif field.where != "path":
        headers["Content-Type"] = field.where
        _put(body, field.name.replace("[]", ".0").strip(".").split("."), text)
    if body is not None:
        patch = field.method == "PATCH" and field.route.endswith("{page_id}")
        headers.setdefault("Content-Type", PATCH if patch else JSON)
        content = stage.fill(json.dumps(body)).encode()
    return client.request(field.method, stage.api.url + path, params=query, headers=headers, content=content)


def _put(value: Any, steps: list[str], text: str) -> None:
    *way, last = (int(step) if step.isdigit() else step for step in steps)
    for step in way:
        value = value[step]
    value[last] = text


def strings(text: str) -> list[str]:
    """All strings in JSON, names too."""
    found: list[str] = []

    def walk(value: Any) -> None:
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, dict):
            for name, member in cast("dict[str, Any]", value).items():
                found.append(name)
                walk(member)
        elif isinstance(value, list):
            for member in cast("list[Any]", value):
                walk(member)

    walk(json.loads(text or "null"))
    return found


ATTEMPTS: tuple[Attempt, ...] = (
    *_other_workspace(),
    *_roles_and_scopes(),
    *_tokens(),
    *_jwts(),
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

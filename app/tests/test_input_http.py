"""What no body may hold, refused by every route that takes one, with the same words. And other origins, by default."""

from __future__ import annotations

import uuid
from typing import Any

import httpx
import pytest

from app.guard import MAX_DEPTH
from app.routes import ACTIONS
from app.tests import contract
from app.tests.processes import Api

pytestmark = pytest.mark.once

# Routes whose method takes a body, by the contract; a new one is tried, too.
TAKERS = [
    (method, route, kind)
    for route, actions in ACTIONS.items()
    for method in actions
    for kind in contract.resolved(contract.document()["paths"][route][method.lower()].get("requestBody", {})).get(
        "content", {}
    )
]
NO_BODIES: list[tuple[str, bytes, tuple[int, ...], set[str]]] = [
    ("no JSON", b"{", (400,), {"malformed_json"}),
    ("two documents", b"{} {}", (400,), {"malformed_json"}),
    ("NaN", b'{"a": NaN}', (400,), {"malformed_json"}),
    ("not UTF-8", b'{"a": "\xff"}', (400,), {"malformed_json"}),
    ("UTF-16", '{"a": 1}'.encode("utf-16"), (400,), {"malformed_json"}),
    ("a NUL", b'{"a": "\x00"}', (400,), {"malformed_json"}),
    ("an escaped NUL", b'{"a": "\\u0000"}', (400,), {"nul_character"}),
    ("half of a surrogate pair", b'{"a": "\\ud800"}', (400,), {"lone_surrogate"}),
    ("the other half", b'{"a": "\\udc00x"}', (400,), {"lone_surrogate"}),
    ("a key twice", b'{"a": 1, "a": 2}', (400,), {"duplicate_key"}),
    ("a key twice, spelled differently", b'{"a": 1, "\\u0061": 2}', (400,), {"duplicate_key"}),
    ("deep arrays", b"[" * (MAX_DEPTH + 1) + b"]" * (MAX_DEPTH + 1), (413,), {"too_deep"}),
    ("deep objects", b'{"a":' * 100_000, (413,), {"too_deep"}),
    ("a number like a bomb", b'{"a": 1e131071}', (413,), {"number_too_large"}),
    ("a number of 5000 digits", b'{"a": ' + b"9" * 5000 + b"}", (413,), {"number_too_large"}),
    ("too many bytes", b" " * ((1 << 20) + 1), (413,), {"body_too_large"}),
]


def send(api: Api, method: str, route: str, kind: str, body: bytes, **headers: str) -> httpx.Response:
    """To a page, member and token that are there as far as the checks before the body go."""
    ids = {"workspace_id": str(api.workspace), "page_id": PAGES[api.url], "name": "x"}
    path = "/".join(
        ids.get(part[1:-1], str(uuid.uuid4())) if part.startswith("{") and part.endswith("}") else part
        for part in route.replace("{token_id}:", str(uuid.uuid4()) + ":").split("/")
    )
    return api.client().request(
        method, api.url + path, content=body, headers={"Content-Type": kind, "If-Match": "*", **headers}
    )


PAGES: dict[str, str] = {}


@pytest.fixture(autouse=True)
def page(api: Api) -> None:
    if api.url not in PAGES:
        PAGES[api.url] = api.create()


def said(answer: httpx.Response) -> dict[str, Any]:
    return {"status": answer.status_code, "code": answer.json()["code"]}


@pytest.mark.parametrize(("method", "route", "kind"), TAKERS, ids=map(" ".join, TAKERS))
def test_what_no_body_may_hold(api: Api, method: str, route: str, kind: str) -> None:
    for what, body, statuses, codes in NO_BODIES:
        if route.endswith(("/restore", "/versions/{name}")) and "JSON" not in what:
            # Read by the API itself, which looks no further than a member that it does not know.
            statuses, codes = (*statuses, 422, 400), {*codes, "unknown_member", "malformed_json"}
        answer = send(api, method, route, kind, body)
        assert answer.status_code in statuses and answer.json()["code"] in codes, (what, answer.text)
        assert len(answer.content) < 2000, what
    assert api.client().get(f"/pages/{PAGES[api.url]}").json()["version"] == 1


@pytest.mark.parametrize(("method", "route", "kind"), TAKERS, ids=map(" ".join, TAKERS))
def test_compressed_bodies_are_not_unpacked(api: Api, method: str, route: str, kind: str) -> None:
    for encoding in ("gzip", "deflate", "br", "zstd", "gzip, gzip"):
        answer = send(api, method, route, kind, b"\x1f\x8b\x08", **{"Content-Encoding": encoding})
        assert said(answer) == {"status": 415, "code": "unsupported_content_encoding"}, encoding
    assert "function" not in api.event(answer.headers["x-request-id"])


def test_no_other_origin_is_let_in_unless_it_is_set(api: Api) -> None:
    for origin in ("https://app.example.org", "null", api.url):
        asked = {"Access-Control-Request-Method": "PATCH", "Access-Control-Request-Headers": "authorization"}
        answers = [
            api.client().get("/pages", headers={"Origin": origin}),
            api.client().post("/pages", json={}, headers={"Origin": origin}),
            httpx.options(f"{api.url}/v1/me", headers={"Origin": origin, **asked}, trust_env=False),
        ]
        assert [answer.status_code for answer in answers] == [200, 201, 405]
        for answer in answers:
            assert not [name for name in answer.headers if name.startswith("access-control-")]


@pytest.mark.parametrize("body", [b"\xff", b" " * ((1 << 20) + 1), b"[" * 100_000, b"{"])
def test_who_it_is_comes_before_what_it_says(api: Api, body: bytes) -> None:
    """A batch is read first for what it costs; whoever sends it is counted all the same."""
    for token, expected in (("", "token_required"), ("unknown", "token_invalid")):
        sent = api.client(token).post("/pages:batch", content=body, headers={"Content-Type": "application/json"})
        assert said(sent) == {"status": 401, "code": expected}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity"])
def test_a_version_that_is_no_json(api: Api, number: str) -> None:
    for method, path in (("POST", "restore"), ("PUT", "versions/x")):
        route = "/v1/workspaces/{workspace_id}/pages/{page_id}/" + path
        answer = send(api, method, route, "application/json", f'{{"version": {number}}}'.encode())
        assert said(answer) == {"status": 400, "code": "malformed_json"}

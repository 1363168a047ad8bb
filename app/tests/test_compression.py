"""Compressed answers, as a client sees them on the wire."""

from __future__ import annotations

import gzip
import json
from typing import Any

import httpx
import pytest

from app.compression import MINIMUM, THREAD_MINIMUM
from app.tests.processes import Api

pytestmark = pytest.mark.once
GZIP = {"Accept-Encoding": "gzip"}
PLAIN = {"Accept-Encoding": "identity"}


def page_of(api: Api, size: int) -> str:
    """A page whose JSON has about so many bytes."""
    text = "A sentence about tides, number {}, somewhat like what people write. "
    blocks = [
        {"id": f"block-{n}", "type": "paragraph", "data": {"text": text.format(n)}} for n in range(max(size // 130, 1))
    ]
    return api.create(blocks=blocks)


def raw(client: httpx.Client, method: str, path: str, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
    """An answer and its body as it was sent."""
    with client.stream(method, path, headers=headers) as answer:
        body = b"".join(answer.iter_raw())
    return answer, body


@pytest.fixture
def client(api: Api) -> httpx.Client:
    client = api.client()
    client.event_hooks = {"response": []}  # the contract's check reads bodies, and these tests want them raw
    return client


@pytest.mark.parametrize("size", [2 * MINIMUM, 2 * THREAD_MINIMUM])
def test_a_page_is_sent_in_gzip_to_who_takes_it(api: Api, client: httpx.Client, size: int) -> None:
    path = f"/pages/{page_of(api, size)}"
    plain, expected = raw(client, "GET", path, PLAIN)
    assert ("content-encoding" in plain.headers, plain.headers["etag"]) == (False, '"1"')
    answer, body = raw(client, "GET", path, GZIP)
    assert answer.headers["content-encoding"] == "gzip"
    assert gzip.decompress(body) == expected
    assert int(answer.headers["content-length"]) == len(body) < len(expected) / 2
    assert plain.headers["vary"] == answer.headers["vary"] == "Accept-Encoding"
    assert "total;dur=" in answer.headers["server-timing"]
    assert answer.headers["etag"] == 'W/"1"'


@pytest.mark.parametrize(
    ("accepted", "compressed"),
    [
        ("gzip", True),
        ("deflate, gzip;q=0.8", True),
        ("X-GZIP", True),
        ("*", True),
        ("gzip;q=0", False),
        ("gzip;q=0, *", False),
        ("gzip;q=0.5, identity", False),
        ("br", False),
        ("", False),
    ],
)
def test_what_accept_encoding_says_counts(api: Api, client: httpx.Client, accepted: str, compressed: bool) -> None:
    answer, _ = raw(client, "GET", f"/pages/{page_of(api, 3000)}", {"Accept-Encoding": accepted})
    assert ("content-encoding" in answer.headers) is compressed


def test_the_etag_of_a_compressed_answer_is_good_for_everything(api: Api, client: httpx.Client) -> None:
    page = page_of(api, 3000)
    tag = raw(client, "GET", f"/pages/{page}", GZIP)[0].headers["etag"]
    again, body = raw(client, "GET", f"/pages/{page}", {"If-None-Match": tag, **GZIP})
    assert (again.status_code, body) == (304, b"")
    assert "content-encoding" not in again.headers
    # The form that the client asked about: a cache looks for what it kept by it.
    assert (again.headers["etag"], again.headers["vary"]) == ('W/"1"', "Accept-Encoding")
    strong, _ = raw(client, "GET", f"/pages/{page}", {"If-None-Match": '"1"', **GZIP})
    assert (strong.status_code, strong.headers["etag"]) == (304, '"1"')
    patch = [{"op": "replace", "path": "/title", "value": "new"}]
    headers = {"If-Match": tag, "Content-Type": "application/json-patch+json"}
    saved = client.patch(f"/pages/{page}", content=json.dumps(patch), headers=headers)
    assert (saved.status_code, saved.headers["etag"]) == (200, '"2"')
    assert client.delete(f"/pages/{page}", headers={"If-Match": 'W/"2"'}).status_code == 204


def test_head_says_what_get_says(api: Api, client: httpx.Client) -> None:
    path = f"/pages/{page_of(api, 3000)}"
    for headers in (GZIP, PLAIN):
        got, _ = raw(client, "GET", path, headers)
        head, body = raw(client, "HEAD", path, headers)
        assert (head.status_code, body) == (200, b"")
        for name in ("content-encoding", "content-length", "etag", "vary", "content-type"):
            assert head.headers.get(name) == got.headers.get(name), name


def test_short_answers_stay_as_they_are(api: Api, client: httpx.Client) -> None:
    page = api.create()
    answer, _ = raw(client, "GET", f"/pages/{page}", GZIP)
    assert ("content-encoding" in answer.headers, answer.headers["etag"]) == (False, '"1"')
    deleted, body = raw(client, "DELETE", f"/pages/{page}", {"If-Match": '"1"', **GZIP})
    assert (deleted.status_code, body) == (204, b"")
    assert "content-encoding" not in deleted.headers and "vary" not in deleted.headers


def test_answers_of_saves_and_of_the_service_are_compressed_too(api: Api, client: httpx.Client) -> None:
    document: dict[str, Any] = {"title": "long", "blocks": [{"type": "code", "data": {"text": "x" * 5000}}]}
    created = client.post("/pages", json=document, headers=GZIP)
    assert (created.headers["content-encoding"], created.headers["etag"]) == ("gzip", 'W/"1"')
    assert created.json()["blocks"][0]["data"] == document["blocks"][0]["data"]
    for path in ("/openapi.json", "/metrics"):
        answer = httpx.get(f"{api.url}{path}", headers=GZIP, trust_env=False)
        assert answer.headers["content-encoding"] == "gzip"

"""What the API refuses before a page is touched, and what every answer carries."""

from __future__ import annotations

import re
import socket
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import psycopg
import pytest

from app.seed import token_hash
from app.tests.processes import Api

pytestmark = pytest.mark.once

JSON = {"Content-Type": "application/json"}


def test_without_a_token(api: Api) -> None:
    answer = api.client("").get("/pages")
    assert (answer.status_code, answer.json()["code"]) == (401, "token_required")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("value", ["Basic YTpi", "Bearer", "quire_abc", "bearer"])
def test_something_else_than_a_bearer_token(api: Api, value: str) -> None:
    answer = api.client("").get("/pages", headers={"Authorization": value})
    assert (answer.status_code, answer.json()["code"]) == (401, "token_required")


def test_a_token_counts_in_the_header_only(api: Api) -> None:
    answer = api.client("").get("/pages", params={"access_token": api.token})
    assert answer.json()["code"] == "token_required"
    assert api.client("").get("/pages", headers={"Authorization": f"bearer {api.token}"}).status_code == 200


def test_unknown_expired_and_revoked_tokens_look_alike(api: Api) -> None:
    expired, revoked = api.new_token("read"), api.new_token("read")
    with psycopg.connect(api.database) as connection:
        connection.execute(
            "update core.tokens set expires_at = %s where token_hash = %s",
            [datetime.now(UTC) - timedelta(seconds=1), token_hash(expired)],
        )
        connection.execute("select ops.revoke_token(id) from core.tokens where token_hash = %s", [token_hash(revoked)])
    answers = [api.client(token).get("/pages") for token in (expired, revoked, "quire_unknown")]
    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {(401, "token_invalid")}
    assert len({answer.json()["detail"] for answer in answers}) == 1
    assert 'error="invalid_token"' in answers[0].headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "content_type", "header"),
    [
        ("POST", "/pages", "text/plain", "accept-post"),
        ("POST", "/pages", "application/json; charset=latin-1", "accept-post"),
        ("POST", "/pages", "", "accept-post"),
        ("PUT", "/pages/{page}", "application/merge-patch+json", "accept"),
        ("PATCH", "/pages/{page}", "application/json", "accept-patch"),
    ],
)
def test_other_media_types(api: Api, method: str, path: str, content_type: str, header: str) -> None:
    answer = api.client().request(
        method,
        path.format(page=api.create()),
        content=b"{}",
        headers={"If-Match": "*", **({"Content-Type": content_type} if content_type else {})},
    )
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")
    assert answer.headers[header].startswith("application/json")
    if method == "PATCH":
        assert answer.headers[header] == "application/json-patch+json, application/merge-patch+json"


def test_compressed_bodies(api: Api) -> None:
    answer = api.client().post("/pages", content=b"\x1f\x8b", headers={**JSON, "Content-Encoding": "gzip"})
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_content_encoding")


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json", 200),
        ("text/html, application/*;q=0.5", 200),
        ("*/*;q=0.1", 200),
        ("text/html", 406),
        ("application/json;q=0, */*", 406),
        ("application/problem+json", 406),
    ],
)
def test_accept(api: Api, accept: str, status: int) -> None:
    answer = api.client().get("/pages", headers={"Accept": accept})
    assert answer.status_code == status
    if status == 406:
        assert answer.json()["code"] == "not_acceptable"


def test_bodies_over_the_limit(api: Api) -> None:
    client = api.client()
    body = b'{"title": "' + b"a" * (1 << 20) + b'"}'
    announced = client.post("/pages", content=body, headers=JSON)

    def parts() -> Iterator[bytes]:
        for start in range(0, len(body), 10_000):
            yield body[start : start + 10_000]

    streamed = client.post("/pages", content=parts(), headers=JSON)
    for answer in (announced, streamed):
        problem = answer.json()
        assert (answer.status_code, problem["code"], problem["limit"]) == (413, "body_too_large", 1 << 20)
    fitting = b'{"title": "' + b"a" * 1000 + b'"}'
    assert client.post("/pages", content=iter([fitting]), headers=JSON).status_code == 201


def test_a_body_without_end_is_cut_off(api: Api) -> None:
    """However much a client sends without Content-Length, the answer comes after the limit."""
    address = urlsplit(api.url)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20) as connection:
        head = (
            f"POST /v1/workspaces/{api.workspace}/pages HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: Bearer {api.admin_token}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        )
        connection.sendall(head.encode())
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        sent = 0
        try:
            for _ in range(1000):
                connection.sendall(chunk)
                sent += 0x10000
        except OSError:
            pass
        assert sent < 50 << 20
    assert api.client().get("/pages?limit=1").status_code == 200


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "malformed_json"),
        (b"{", "malformed_json"),
        (b"\xff{}", "malformed_json"),
        (b'{"title": "\x00"}', "malformed_json"),
        (b'{"title": "\\u0000"}', "nul_character"),
        (b'{"title": "\\ud800"}', "lone_surrogate"),
        (b'{"title": "a", "title": "b"}', "duplicate_key"),
    ],
)
def test_bodies_that_are_no_json(api: Api, body: bytes, code: str) -> None:
    answer = api.client().post("/pages", content=body, headers=JSON)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


@pytest.mark.parametrize(
    ("path", "code", "parameter"),
    [
        ("/pages?limits=3", "unknown_parameter", "limits"),
        ("/pages?limit=1&limit=2", "bad_parameter", "limit"),
        ("/pages?limit=0", "bad_parameter", "limit"),
        ("/pages?limit=201", "bad_parameter", "limit"),
        ("/pages?limit=-1", "bad_parameter", "limit"),
        ("/pages?limit=%C2%B2", "bad_parameter", "limit"),
        ("/pages?limit=", "bad_parameter", "limit"),
        ("/pages?updated_within=7", "bad_parameter", "updated_within"),
        ("/pages?updated_within=0d", "bad_parameter", "updated_within"),
        ("/pages?cursor=a%00b", "bad_parameter", "cursor"),
        ("/pages?cursor=nonsense", "bad_cursor", None),
        ("/search?q=x&mode=magic", "bad_parameter", "mode"),
        ("/search?q=x&limit=101", "bad_parameter", "limit"),
        ("/search", "empty_query", None),
        ("/search?q=%20", "empty_query", None),
        ("/search?contains=[1]", "bad_contains", None),
        ("/search?q=" + "x" * 1001, "query_too_long", None),
        ("/search?mode=vector&q=...", "embedding_required", None),
    ],
)
def test_parameters_that_cannot_be_used(api: Api, path: str, code: str, parameter: str | None) -> None:
    answer = api.client().get(path)
    assert (answer.status_code, answer.json()["code"], answer.json().get("parameter")) == (400, code, parameter)


def test_the_longest_times_are_fine(api: Api) -> None:
    for time in ("99999w", "99999d", "1s"):
        assert api.client().get(f"/pages?updated_within={time}").status_code == 200


@pytest.mark.parametrize(
    "page", ["nobody", "1", "%00", "..", "0" * 36, "{01a20b52-54d5-721d-af9c-e09049a05ede}", "a" * 5000]
)
def test_ids_that_are_no_uuids_name_nothing(api: Api, page: str) -> None:
    client = api.client()
    if page != "..":
        assert client.get(f"/pages/{page}").json()["code"] == "page_not_found"
    answer = client.get(f"{api.url}/v1/workspaces/{page}/pages")
    assert answer.status_code == 404


def test_ids_may_be_written_in_capitals(api: Api) -> None:
    assert api.client().get(f"/pages/{api.create().upper()}").status_code == 200


def test_paths_and_methods_that_are_not_there(api: Api) -> None:
    client = api.client()
    for path in ("/pages/", "/page", f"/pages/{uuid.uuid4()}/x", f"{api.url}/", f"{api.url}/v2/workspaces"):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), path
    answer = client.request("BREW", f"/pages/{uuid.uuid4()}")
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "DELETE, GET, HEAD, PATCH, PUT"
    assert client.delete("/pages").headers["allow"] == "GET, HEAD, POST"
    assert client.options("/pages").status_code == 405


def test_the_request_id_comes_back_and_stands_in_the_log(api: Api) -> None:
    client = api.client()
    given = client.get("/pages?limit=1", headers={"X-Request-Id": "my-id.1"})
    assert given.headers["x-request-id"] == "my-id.1"
    line = api.event("my-id.1")
    assert (line["route"], line["status"], line["function"]) == (
        "/v1/workspaces/{workspace_id}/pages",
        200,
        "list_pages",
    )
    assert line["workspace"] == str(api.workspace)
    assert 0 < line["ms"] < 30_000
    made = client.get("/pages?limit=1", headers={"X-Request-Id": "no good; id"}).headers["x-request-id"]
    assert re.fullmatch("[0-9a-f]{32}", made)


def test_an_error_is_logged_by_its_names_and_never_by_values(api: Api) -> None:
    client = api.client()
    secret = "Zebra-Secret-4711"
    answers = [
        client.post("/pages", json={"title": secret, "blocks": [{"id": "9", "type": secret, "data": {"t": secret}}]}),
        client.get("/search", params={"q": secret}),
        client.get("/pages", params={"cursor": secret}),
        client.get(f"/pages/{secret}"),
        client.get(f"{api.url}/v1/workspaces/{secret}/pages"),
        api.client(secret).get("/pages"),
    ]
    line = api.event(answers[0].headers["x-request-id"])
    assert (line["status"], line["code"], line["sqlstate"]) == (422, "block_id_invalid", "PT422")
    assert line["function"] == "create_page"
    api.event(answers[-1].headers["x-request-id"])
    log = api.log_file.read_text()
    assert secret not in log
    assert api.admin_token not in log
    assert all(api.admin_token not in answer.text for answer in answers)


def test_server_timing_tells_where_the_time_went(api: Api) -> None:
    timing = api.client().get(f"/pages/{api.create()}").headers["server-timing"]
    assert re.fullmatch(r"admit;dur=[\d.]+, db;dur=[\d.]+, total;dur=[\d.]+", timing)
    admit, db, total = map(float, re.findall(r"dur=([\d.]+)", timing))
    assert admit + db <= total + 0.2

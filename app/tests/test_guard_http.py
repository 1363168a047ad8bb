"""What is refused before any route, and what every answer carries: time, sizes, other origins, headers."""

from __future__ import annotations

import socket
import time
from collections.abc import Generator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.depth import check_depth
from app.guard import MAX_DEPTH, MAX_HEADERS
from app.problems import Problem
from app.tests.processes import Api, running_api
from db.settings import Settings, SettingsError, as_role


@pytest.fixture(scope="module")
def hasty(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """A server that waits a second for a request, and lets two origins in."""
    origins = "https://app.example.org, http://localhost:3000"
    log = tmp_path_factory.mktemp("hasty") / "log"
    with running_api(database, log, QUIRE_REQUEST_TIMEOUT="1", QUIRE_CORS_ORIGINS=origins) as api:
        yield api


def connected(api: Api) -> socket.socket:
    address = urlsplit(api.url)
    return socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=20)


def head(api: Api, *more: str) -> bytes:
    lines = [
        f"POST /v1/workspaces/{api.workspace}/pages HTTP/1.1", "Host: x", f"Authorization: Bearer {api.admin_token}",
        "Content-Type: application/json", *more, "", "",
    ]  # fmt: skip
    return "\r\n".join(lines).encode()


def everything(connection: socket.socket) -> bytes:
    answer = b""
    while part := connection.recv(65536):
        answer += part
    return answer


def test_a_body_that_dribbles_gets_408(hasty: Api) -> None:
    begin = time.monotonic()
    with connected(hasty) as connection:
        connection.sendall(head(hasty, "Content-Length: 1000"))
        connection.settimeout(0.1)
        answer = b""
        while time.monotonic() - begin < 10 and not answer:
            try:
                connection.sendall(b" ")
                answer = connection.recv(65536)
            except TimeoutError:
                pass
        connection.settimeout(10)
        answer += everything(connection)
    assert answer.startswith(b"HTTP/1.1 408 ") and b'"code": "request_timeout"' in answer
    assert b"connection: close" in answer.lower()
    assert 0.9 < time.monotonic() - begin < 5


def test_headers_that_dribble_get_408_and_silence_is_hung_up_on(hasty: Api) -> None:
    for sent, expected in ((b"GET /livez HTTP/1.1\r\nHost: x\r\nX-A: ", b"HTTP/1.1 408 "), (b"", b"")):
        begin = time.monotonic()
        with connected(hasty) as connection:
            connection.sendall(sent)
            answer = everything(connection)
        assert answer[: len(expected)] == expected and bool(answer) == bool(expected)
        assert 0.9 < time.monotonic() - begin < 5


def test_an_answer_to_half_a_request_does_not_keep_the_connection_for_ever(hasty: Api) -> None:
    """Refused before its body is read: the rest of that has to come in time, too."""
    begin = time.monotonic()
    with connected(hasty) as connection:
        connection.sendall(head(hasty, "Content-Length: 1000").replace(b"Bearer", b"Basic"))
        assert b" 401 " in everything(connection)
    assert time.monotonic() - begin < 6


def test_a_kept_connection_may_rest_longer_than_a_request_may_take(hasty: Api) -> None:
    with connected(hasty) as connection:
        for pause in (0, 2):  # uvicorn ends idle connections after five seconds
            time.sleep(pause)
            connection.sendall(b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while not answer.endswith(b"}"):
                part = connection.recv(65536)
                assert part, "hung up"
                answer += part
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_pipelined_requests_are_answered_in_turn(api: Api) -> None:
    with connected(api) as connection:
        connection.sendall(
            b"GET /livez HTTP/1.1\r\nHost: x\r\n\r\n" * 3
            + b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        )
        assert everything(connection).count(b"HTTP/1.1 200 ") == 4


def test_garbage_behind_a_request_does_not_spoil_its_answer(api: Api) -> None:
    with connected(api) as connection:
        connection.sendall(b"GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n\x00\x01garbage\r\n\r\n")
        answer = everything(connection)
    assert answer.startswith(b"HTTP/1.1 200 ") and b"HTTP/1.1 400 " in answer
    assert api.events("fault") == []


def test_http_1_0_is_answered_and_closed(api: Api) -> None:
    with connected(api) as connection:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        assert everything(connection).startswith(b"HTTP/1.1 200 ")


def test_an_answer_overtakes_no_body(api: Api) -> None:
    """A client that is still sending when it is refused reads the refusal, not a reset."""
    for _ in range(5):
        with connected(api) as connection:
            connection.sendall(head(api, f"Content-Length: {5 << 20}"))
            for _ in range(80):
                connection.sendall(b" " * 65536)
            assert b" 413 " in everything(connection)[:20]


def test_as_many_headers_as_may_be(api: Api) -> None:
    client = api.client("")
    own = len(client.build_request("GET", f"{api.url}/livez").headers)
    fits = {f"X-{number}": "1" for number in range(MAX_HEADERS - own)}
    assert client.get(f"{api.url}/livez", headers=fits).status_code == 200
    answer = client.get(f"{api.url}/livez", headers=fits | {"X-More": "1"})
    assert (answer.status_code, answer.json()["code"], answer.json()["limit"]) == (
        431,
        "headers_too_large",
        MAX_HEADERS,
    )


def test_every_answer_carries_what_browsers_obey(api: Api) -> None:
    client = api.client()
    answers = [
        client.get("/pages"),
        client.get(f"/pages/{api.create()}"),
        client.get(f"{api.url}/nothing"),
        client.post("/pages", content=b"{"),
        api.client("").get("/pages"),
        client.get(f"{api.url}/livez"),
        client.get(f"{api.url}/metrics"),
    ]
    for answer in answers:
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "strict-transport-security" not in answer.headers  # the proxy's
        assert "access-control-allow-origin" not in answer.headers
    # Pages are kept by their reader's own cache alone, which asks each time; nothing else is kept.
    assert [answer.headers["cache-control"] for answer in answers[:3]] == ["private, no-cache"] * 2 + ["no-store"]


def test_other_origins_are_let_in_by_name_only(hasty: Api) -> None:
    def ask(origin: str, method: str = "GET") -> httpx.Response:
        headers = {"Origin": origin, "Authorization": f"Bearer {hasty.admin_token}"}
        if method == "OPTIONS":
            headers |= {
                "Access-Control-Request-Method": "PATCH",
                "Access-Control-Request-Headers": "if-match,authorization",
            }
        return httpx.request(
            method, f"{hasty.url}/v1/workspaces/{hasty.workspace}/pages", headers=headers, trust_env=False
        )

    for origin in ("https://app.example.org", "http://localhost:3000"):
        answer = ask(origin)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, origin)
        assert "Origin" in answer.headers["vary"]
        assert "ETag" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
        asked = ask(origin, "OPTIONS")
        assert asked.status_code == 200 and "PATCH" in asked.headers["access-control-allow-methods"]
    for origin in ("https://evil.example", "https://app.example.org.evil.example", "http://app.example.org", "null"):
        assert "access-control-allow-origin" not in ask(origin).headers
        assert ask(origin, "OPTIONS").status_code == 400


@pytest.mark.parametrize(
    "value", ["*", "https://*.example.org", "app.example.org", "https://a.example.org/path", "https://u@a"]
)
def test_origins_are_exact(value: str) -> None:
    with pytest.raises(SettingsError, match="QUIRE_CORS_ORIGINS"):
        Settings.from_env({"QUIRE_CORS_ORIGINS": value})


def test_the_settings_show_origins() -> None:
    settings = Settings.from_env({"QUIRE_CORS_ORIGINS": "https://a.example.org,http://[::1]:8080"})
    assert settings.masked()["cors_origins"] == "https://a.example.org, http://[::1]:8080"


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("[" * MAX_DEPTH + "]" * MAX_DEPTH, False),
        ("[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1), True),
        ('{"a":' * (MAX_DEPTH + 1), True),  # whether it is JSON is asked later
        ("[]" * 5000, False),
        ('{"a": "' + "[" * 5000 + '"}', False),
        ('{"a": "\\"' + "[" * 5000 + '"}', False),
        ('{"a": "\\\\"' + "[" * 5000 + "}", True),
        ('"' + "[" * 5000, False),
        ("]" * 5000 + "[" * 5000, False),  # no JSON, and no depth either
    ],
)
def test_depth(text: str, refused: bool) -> None:
    if refused:
        with pytest.raises(Problem) as caught:
            check_depth(text, MAX_DEPTH)
        assert (caught.value.status, caught.value.code) == (413, "too_deep")
    else:
        check_depth(text, MAX_DEPTH)


def test_deep_json_does_not_reach_the_database(api: Api) -> None:
    answer = api.client().post("/pages", content=b"[" * 100_000, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (413, "too_deep")
    assert "function" not in api.event(answer.headers["x-request-id"])


def test_a_slow_search_is_cut_off(database: str, tmp_path: Path) -> None:
    """By the statement_timeout of the role; here a shorter one, and a table that is locked for longer."""
    impatient = as_role(make_conninfo(database, options="-c statement_timeout=300ms"), "quire_api")
    with (
        running_api(database, tmp_path / "log", QUIRE_API_DATABASE_URL=impatient) as api,
        psycopg.connect(database) as holder,
    ):
        holder.execute("lock table core.search_entries in access exclusive mode")
        answer = api.client().get("/search", params={"q": "words"})
        assert (answer.status_code, answer.json()["code"]) == (504, "statement_timeout")
        holder.rollback()
        assert api.client().get("/search", params={"q": "words"}).status_code == 200

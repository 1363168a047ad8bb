"""Requests without a valid token: counted by peer, so that tokens cannot be tried out without end. Refunds."""

from __future__ import annotations

import time
import uuid
from collections.abc import Generator

import httpx
import psycopg
import pytest

from app.tests.processes import Api, running_api, wait_until

JSON_PATCH = {"Content-Type": "application/json-patch+json", "If-Match": "*"}


@pytest.fixture(scope="module")
def api(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Api]:
    """An API behind a proxy on this machine."""
    log = tmp_path_factory.mktemp("api") / "log"
    with running_api(database, log, QUIRE_TRUSTED_PROXIES="127.0.0.0/8") as running:
        yield running


@pytest.fixture(autouse=True)
def five_guesses(conn: psycopg.Connection) -> None:
    conn.execute(
        "update core.rate_policies set points = 5, window_seconds = 60, block_seconds = 2 where name = 'anonymous'"
    )
    conn.execute("truncate core.rate_buckets")


def client_from(api: Api, address: str, token: str = "") -> httpx.Client:
    client = api.client(token)
    client.headers["X-Forwarded-For"] = address
    return client


def test_guesses_are_limited_by_peer_and_then_not_even_looked_at(api: Api, conn: psycopg.Connection) -> None:
    guesser = client_from(api, "192.0.2.1")
    good = api.new_token("read")

    def guess(token: str) -> httpx.Response:
        return guesser.get("/pages", headers={"Authorization": f"Bearer {token}"} if token else {})

    answers = [guess(token) for token in ("", "a", "b", "", "c")]
    codes = ["token_required", "token_invalid", "token_invalid", "token_required", "token_invalid"]
    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(401, code) for code in codes]
    assert answers[-1].headers["ratelimit-policy"] == '"anonymous";q=5;w=60'
    assert answers[-1].headers["x-ratelimit-remaining"] == "0"
    refused = [guess(f"guess {number}") for number in range(4)]
    assert {(answer.status_code, answer.json()["code"]) for answer in refused} == {(429, "rate_limited")}
    assert refused[0].json()["policy"] == "anonymous"
    calls = api.metric("quire_db_call_duration_seconds_count", function="admit", outcome="ok")
    assert guess(good).status_code == 429, "a good guess does not show"
    assert (
        api.metric("quire_db_call_duration_seconds_count", function="admit", outcome="ok") == calls + 1
    )  # of /metrics
    # Others are not held up: neither another address nor, at this one, who has been here with this token.
    assert client_from(api, "192.0.2.2").get("/pages").status_code == 401
    assert client_from(api, "192.0.2.2", good).get("/pages").status_code == 200
    assert guess(good).status_code == 200, "known by now"
    assert guess("guess again").status_code == 429


def test_who_waits_retry_after_is_asked_for_a_token_again(api: Api, conn: psycopg.Connection) -> None:
    conn.execute("update core.rate_policies set window_seconds = 2 where name = 'anonymous'")
    guesser = client_from(api, "192.0.2.3")
    assert [guesser.get("/pages").status_code for _ in range(8)] == [401] * 5 + [429] * 3
    time.sleep(int(guesser.get("/pages").headers["retry-after"]))
    assert guesser.get("/pages").status_code == 401


def test_peers_of_one_ipv6_network_are_one(api: Api) -> None:
    for number in range(5):
        assert client_from(api, f"2001:db8:7:7::{number}").get("/pages").status_code == 401
    assert client_from(api, "2001:db8:7:7:ffff::9").get("/pages").status_code == 429
    assert client_from(api, "2001:db8:7:8::1").get("/pages").status_code == 401


def test_what_is_not_the_proxys_does_not_count(api: Api) -> None:
    for number in range(5):
        assert client_from(api, f"198.51.100.{number}, 192.0.2.5").get("/pages").status_code == 401
    assert client_from(api, "198.51.100.77, 192.0.2.5").get("/pages").status_code == 429


def test_routes_without_tokens_have_a_policy(api: Api, conn: psycopg.Connection) -> None:
    conn.execute("update core.rate_policies set points = 2 where name = 'public'")
    client = client_from(api, "192.0.2.6")
    answers = [client.get(f"{api.url}/openapi.json") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[0].headers["ratelimit"].startswith('"public";r=1;t=')
    assert {client.get(f"{api.url}{path}").status_code for path in ("/livez", "/readyz")} == {200}
    conn.execute("update core.rate_policies set points = 600 where name = 'public'")


def test_without_a_database_the_contract_is_still_served(api: Api, conn: psycopg.Connection) -> None:
    before = api.metric("quire_rate_limit_failures_total", policy="public", outcome="open")
    with psycopg.connect(api.database) as holder:
        holder.execute("lock table core.rate_policies in access exclusive mode")
        assert client_from(api, "192.0.2.7").get(f"{api.url}/openapi.json").status_code == 200
        assert client_from(api, "192.0.2.7").get("/pages").status_code == 401
        holder.rollback()
    assert api.metric("quire_rate_limit_failures_total", policy="public", outcome="open") == before + 1


def remaining(client: httpx.Client) -> int:
    """Points left, by a request that only fails its scope check: it costs one itself."""
    return int(client.post("/pages", json=[]).headers["x-ratelimit-remaining"])


def test_a_replayed_key_is_given_back_and_a_refusal_is_not(api: Api) -> None:
    client = api.client(api.new_token("write"))
    first = client.post("/pages", json={"title": "x"}, headers={"Idempotency-Key": "one"})
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (201, "29")
    for _ in range(40):  # more than the limit
        again = client.post("/pages", json={"title": "x"}, headers={"Idempotency-Key": "one"})
        assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
        assert again.headers["x-ratelimit-remaining"] == "29"
    bad = {"Idempotency-Key": "two"}
    assert client.post("/pages", json=[], headers=bad).headers["x-ratelimit-remaining"] == "28", "4xx count"
    again = client.post("/pages", json=[], headers=bad)
    assert (again.status_code, again.headers["x-ratelimit-remaining"]) == (422, "28"), "a replayed refusal does not"
    assert remaining(client) == 27
    assert api.metric("quire_rate_limit_refunds_total", policy="page-save", outcome="done") >= 41


def test_replays_without_end_are_limited_as_reading_is(api: Api, conn: psycopg.Connection) -> None:
    client = api.client(api.new_token("read", "write"))
    key = {"Idempotency-Key": "one"}
    conn.execute("update core.rate_policies set points = 3 where name = 'page-read'")
    try:
        answers = [client.post("/pages", json={"title": "x"}, headers=key) for _ in range(40)]
        assert client.get("/pages").status_code == 429, "they were counted as reading"
    finally:
        conn.execute("update core.rate_policies set points = 1200 where name = 'page-read'")
    left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
    assert left == [29] * 4 + list(range(28, -1, -1)) + [0] * 7, "three come back, the others are paid in full"
    assert [answer.status_code for answer in answers] == [201] * 33 + [429] * 7
    assert api.metric("quire_rate_limit_refunds_total", policy="page-save", outcome="kept") >= 29


def test_a_fault_of_ours_is_given_back(api: Api, conn: psycopg.Connection) -> None:
    client = api.client(api.new_token("write"))
    page = client.post("/pages", json={"title": "x"}).headers["location"].rsplit("/", 1)[1]
    before = api.metric("quire_rate_limit_refunds_total", policy="page-save", outcome="done")
    with psycopg.connect(api.database) as holder:
        holder.execute("select from core.pages where id = %s for update", [page])
        failed = client.patch(
            f"/pages/{page}", json=[{"op": "replace", "path": "/title", "value": "y"}], headers=JSON_PATCH
        )
        holder.rollback()
    assert failed.status_code == 503 and failed.headers["x-ratelimit-remaining"] == "29"
    wait_until(lambda: api.metric("quire_rate_limit_refunds_total", policy="page-save", outcome="done") == before + 1)
    assert remaining(client) == 28


def test_the_body_of_a_batch_is_not_read_for_a_token_that_is_none(api: Api) -> None:
    client = client_from(api, "192.0.2.8", "guess")
    for _ in range(5):
        answer = client.post("/pages:batch", content=b"\xff not JSON, nor UTF-8")
        assert (answer.status_code, answer.json()["code"]) == (401, "token_invalid")
    assert client.post("/pages:batch", content=b"\xff").status_code == 429
    good = client_from(api, "192.0.2.9", api.new_token("write"))
    for left in ("29", "28"):  # unknown to the process, then known: counted once
        answer = good.post("/pages:batch", json=[])
        assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (422, left)


def test_a_batch_gets_all_of_its_points_back(api: Api) -> None:
    client = api.client(api.new_token("write"))
    page = client.post("/pages", json={"title": "x"}).headers["location"].rsplit("/", 1)[1]
    patch = [{"op": "replace", "path": "/title", "value": str(uuid.uuid4())}]
    each = {"page_id": page, "if_match": "*", "patch": patch}
    batch = {"atomic": False, "patches": [each, each]}
    one = client.post("/pages:batch", json=batch, headers={"Idempotency-Key": "b"})
    two = client.post("/pages:batch", json=batch, headers={"Idempotency-Key": "b"})
    assert one.headers["x-ratelimit-remaining"] == two.headers["x-ratelimit-remaining"] == "27"
    assert one.content == two.content

"""Operators' routes under /v1/indexing, over HTTP against a real process."""

from __future__ import annotations

import re
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.tests.processes import Api, wait_until

WORKSPACE = "00000000-0000-7000-8000-0000000000aa"
PAGE = "00000000-0000-7000-8000-0000000000bb"


def bury(conn: psycopg.Connection, no: int, code: str = "embedding_refused", error: str = "HTTP 400: 7 of 9") -> None:
    conn.execute(
        "insert into core.indexing_dead_letters (workspace_id, page_id, no, op, generation, attempts, enqueued_at,"
        " died_at, error_code, error, fingerprint) values (%s, %s, %s, 'upsert', 1, 3, now(),"
        " '2026-05-05T12:00:00Z'::timestamptz + make_interval(secs => %s), %s, %s, core.error_fingerprint(%s, %s))",
        [WORKSPACE, PAGE, no, no, code, error, code, error],
    )


@pytest.fixture
def client(api: Api, conn: psycopg.Connection) -> Iterator[httpx.Client]:
    """An operator's client; nothing waits and nothing is dead."""
    client = api.client(api.new_token("admin", "read", user="Olga", role=None))
    conn.execute("truncate core.indexing_queue, core.indexing_dead_letters, core.audit_log")
    client.base_url = f"{api.url}/v1"
    yield client
    conn.execute("update core.indexing_control set paused = false")


def test_the_state_and_the_pause(client: httpx.Client, conn: psycopg.Connection) -> None:
    bury(conn, 1)
    state = client.get("/indexing")
    assert state.status_code == 200
    assert (state.json()["dead"], state.json()["paused"]) == (1, None)
    assert state.json()["dead_by_code"] == {"embedding_refused": 1}
    assert (state.json()["oldest_xmin_seconds"] < 60, state.json()["oldest_xmin_holder"]) == (True, None)
    assert state.headers["x-ratelimit-limit"] == "600"
    paused = client.post("/indexing/pause", json={"reason": "the provider moves"})
    assert paused.json()["paused"]["by"] == "Olga"
    assert client.get("/indexing").json()["paused"]["reason"] == "the provider moves"
    assert client.post("/indexing/pause", json={}).json()["paused"]["reason"] == "the provider moves", "the first one's"
    assert client.post("/indexing/resume").json()["paused"] is None
    assert client.post("/indexing/resume").status_code == 200
    assert conn.execute("select action, actor_name from core.audit_log order by at").fetchall() == [
        ("indexing.pause", "Olga"),
        ("indexing.resume", "Olga"),
    ]


def test_entries_with_their_status(client: httpx.Client, conn: psycopg.Connection) -> None:
    bury(conn, 1)
    conn.execute("truncate core.indexing_done")
    conn.execute(
        "insert into core.indexing_queue"
        " (workspace_id, page_id, no, priority, attempts, run_at, enqueued_at, last_error)"
        " select %s, %s, n, 200, n - 2, now(), now() - interval '1 hour', case n when 3 then 'HTTP 400' end"
        " from generate_series(2, 3) as n",
        [WORKSPACE, PAGE],
    )
    found = client.get("/indexing/entries", params={"limit": 2})
    assert [(e["no"], e["status"], e["priority"], e["attempts"], e["error"]) for e in found.json()["entries"]] == [
        (2, "pending", 200, 0, None),
        (3, "pending", 200, 1, "HTTP 400"),
    ]
    rest = client.get("/indexing/entries", params={"limit": 2, "cursor": found.json()["next_cursor"]}).json()
    assert [(e["no"], e["status"], e["finished_at"]) for e in rest["entries"]] == [
        (1, "failed", "2026-05-05T12:00:01.000000Z")
    ]
    assert rest["next_cursor"] is None
    for parameters, expected in (
        ({"status": "pending", "no": "3"}, [3]),
        ({"status": "failed", "finished_after": "2026-05-05T12:00:02Z"}, []),
        ({"workspace_id": WORKSPACE, "page_id": PAGE, "status": "failed"}, [1]),
    ):
        entries = client.get("/indexing/entries", params=parameters).json()["entries"]
        assert [entry["no"] for entry in entries] == expected, parameters


def test_lists_by_pages_filters_and_groups(client: httpx.Client, conn: psycopg.Connection) -> None:
    for no in range(1, 6):
        bury(conn, no)
    bury(conn, 6, "lease_expired", "its worker was lost 3 times")
    first = client.get("/indexing/dead-letters", params={"limit": 4}).json()
    rest = client.get("/indexing/dead-letters", params={"limit": 4, "cursor": first["next_cursor"]}).json()
    assert [letter["no"] for letter in first["dead_letters"] + rest["dead_letters"]] == [6, 5, 4, 3, 2, 1]
    assert rest["next_cursor"] is None
    groups = client.get("/indexing/dead-letter-groups").json()["groups"]
    assert [(group["entries"], group["error_code"]) for group in groups] == [
        (5, "embedding_refused"),
        (1, "lease_expired"),
    ]
    for parameters, expected in (
        ({"fingerprint": groups[1]["fingerprint"]}, [6]),
        ({"text": "LOST"}, [6]),
        ({"error_code": "lease_expired"}, [6]),
        ({"page_id": PAGE, "workspace_id": WORKSPACE, "no": "2"}, [2]),
        ({"died_after": "2026-05-05T12:00:02Z", "died_before": "2026-05-05T12:00:04Z"}, [3, 2]),
        ({"discarded": "true"}, []),
        ({"workspace_id": str(uuid.uuid4())}, []),
    ):
        found = client.get("/indexing/dead-letters", params=parameters).json()["dead_letters"]
        assert [letter["no"] for letter in found] == expected, parameters
    assert client.head("/indexing/dead-letters").status_code == 200


def test_a_replay_goes_on_until_all_are_back(client: httpx.Client, conn: psycopg.Connection) -> None:
    for no in range(1, 6):
        bury(conn, no)
    body: dict[str, object] | None = {"filter": {"error_code": "embedding_refused"}, "limit": 2}
    counts: list[int] = []
    while body is not None:
        answer = client.post("/indexing/dead-letters:replay", json=body)
        assert answer.status_code == 200, answer.text
        counts.append(answer.json()["replayed"])
        body = answer.json()["next"]
        if len(counts) == 1:
            conn.execute("update core.indexing_dead_letters set died_at = now() where no = 5")
    assert counts == [2, 2], "what dies after the first request is not replayed again"
    answer = client.post("/indexing/dead-letters:replay", json={"filter": {}})
    assert answer.json() == {"replayed": 1, "waiting": 0, "next": None}
    assert conn.execute("select array_agg(no order by seq) from core.indexing_queue").fetchone() == ([1, 2, 3, 4, 5],)
    assert conn.execute("select sum((details ->> 'count')::int) from core.audit_log").fetchone() == (5,)


def test_one_is_discarded_and_taken_back(client: httpx.Client, conn: psycopg.Connection) -> None:
    bury(conn, 1)
    bury(conn, 2)
    one = {"workspace_id": WORKSPACE, "page_id": PAGE, "no": 1}
    assert client.post("/indexing/dead-letters:discard", json={"filter": one}).json() == {"discarded": 1, "next": None}
    assert [letter["no"] for letter in client.get("/indexing/dead-letters").json()["dead_letters"]] == [2]
    assert client.get("/indexing").json()["discarded"] == 1
    back = client.post("/indexing/dead-letters:replay", json={"filter": {**one, "discarded": True}})
    assert back.json()["replayed"] == 1
    assert conn.execute(
        "select action, workspace_id::text, details ->> 'count' from core.audit_log order by at"
    ).fetchall() == [("dead_letters.discard", WORKSPACE, "1"), ("dead_letters.replay", WORKSPACE, "1")]


def test_a_replay_wakes_the_workers(api: Api, client: httpx.Client, conn: psycopg.Connection) -> None:
    def jobs() -> object:
        return conn.execute("select count(*) from procrastinate.procrastinate_jobs").fetchone()

    conn.execute("truncate procrastinate.procrastinate_jobs cascade")
    bury(conn, 1)
    client.post("/indexing/dead-letters:replay", json={"filter": {}})
    wait_until(lambda: jobs() == (1,))


@pytest.mark.parametrize(
    ("path", "content", "status", "code"),
    [
        ("/dead-letters:replay", b"{", 400, "malformed_json"),
        ("/dead-letters:replay", b"{}", 422, "member_missing"),
        ("/dead-letters:discard", b'{"filter": {"colour": 1}}', 400, "bad_filter"),
        ("/dead-letters:discard", b'{"filter": {"discarded": true}}', 400, "bad_filter"),
        ("/dead-letters:discard", b'{"filter": {}, "limit": 10001}', 400, "bad_limit"),
        ("/dead-letters:discard", b'{"filter": {}, "filter": {}}', 400, "duplicate_key"),
        ("/pause", b"[]", 422, "document_not_object"),
        ("/pause", b'{"reason": 1}', 422, "invalid_value"),
    ],
)
def test_bodies_that_are_refused(client: httpx.Client, path: str, content: bytes, status: int, code: str) -> None:
    answer = client.post(f"/indexing{path}", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("dead-letters?fingerprint=x", "bad_filter"),
        ("dead-letters?no=one", "bad_filter"),
        ("dead-letters?died_after=soon", "bad_filter"),
        ("dead-letters?workspace_id=w", "bad_filter"),
        ("dead-letters?discarded=maybe", "bad_filter"),
        ("dead-letters?cursor=W10", "bad_cursor"),
        ("dead-letters?limit=201", "bad_parameter"),
        ("dead-letters?colour=red", "unknown_parameter"),
        ("entries?status=done", "bad_filter"),
        ("entries?finished_after=soon", "bad_filter"),
        ("entries?cursor=W10", "bad_cursor"),
        ("entries?limit=0", "bad_parameter"),
        ("entries?fingerprint=x", "unknown_parameter"),
    ],
)
def test_parameters_that_are_refused(client: httpx.Client, path: str, code: str) -> None:
    answer = client.get(f"/indexing/{path}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    if code == "bad_filter":
        assert answer.json()["parameter"] == re.split("[?=]", path)[1]


def test_other_content_types_are_refused(client: httpx.Client) -> None:
    assert client.post("/indexing/dead-letters:replay", content=b"filter").status_code == 415


def test_only_operators_may(api: Api, client: httpx.Client, conn: psycopg.Connection) -> None:
    bury(conn, 1)
    stranger = api.client(api.new_token("read", "write", "metrics", role="owner"))
    nobody = api.client("")
    routes: tuple[tuple[str, str, dict[str, Any] | None], ...] = (
        ("GET", "", None),
        ("GET", "/entries", None),
        ("GET", "/dead-letters", None),
        ("GET", "/dead-letter-groups", None),
        ("POST", "/dead-letters:replay", {"filter": {}}),
        ("POST", "/dead-letters:discard", {"filter": {}}),
        ("POST", "/pause", {}),
        ("POST", "/resume", None),
    )
    for method, path, body in routes:
        url = f"{api.url}/v1/indexing{path}"
        refused = stranger.request(method, url, json=body)
        assert (refused.status_code, refused.json()["code"]) == (403, "insufficient_scope"), path
        assert nobody.request(method, url, json=body).status_code == 401, path
        assert stranger.request("DELETE", url).status_code == 405
    assert client.get("/indexing").json()["dead"] == 1
    done = "select count(*) from core.audit_log where action ~ '^(dead_letters|indexing)'"
    assert conn.execute(done).fetchone() == (0,)

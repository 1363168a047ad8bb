"""Rate limits over HTTP: exact under concurrency, told on every answer, true about when to come back."""

from __future__ import annotations

import os
import re
import signal
import time
import uuid
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql

from app.seed import token_hash
from app.tests.processes import Api, running_api, wait_until
from db.embedded import temporary_server
from db.migrate import migrate
from db.tests.cluster import PG_VERSION

LOCK_BUCKET = """
    select from core.rate_buckets
    where key = (select user_id::text from core.tokens where token_hash = %s)
    for update
"""


def test_of_320_concurrent_saves_exactly_30_get_in(api: Api) -> None:
    token = api.new_token("write")
    clients = [api.client(token) for _ in range(32)]

    def save(number: int) -> httpx.Response:
        return clients[number % len(clients)].post("/pages", json={"title": f"{number}"})

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(save, range(320)))
    assert Counter(answer.status_code for answer in answers) == {201: 30, 429: 290}
    remaining = sorted(int(a.headers["x-ratelimit-remaining"]) for a in answers if a.status_code == 201)
    assert remaining == list(range(30))  # each of the thirty was told another number: they were decided one by one
    refused = next(answer for answer in answers if answer.status_code == 429)
    problem = refused.json()
    assert (problem["code"], problem["policy"], problem["limit"], problem["window"]) == (
        "rate_limited",
        "page-save",
        30,
        60,
    )
    assert 1 <= int(refused.headers["retry-after"]) <= 60
    assert problem["retry_after"] == int(refused.headers["retry-after"])


def test_every_limited_answer_tells_the_limits(api: Api) -> None:
    client = api.client(api.new_token("read", "write"))
    answers = [
        client.post("/pages", json={"title": "x"}),
        client.post("/pages", json={"nonsense": 1}),
        client.post("/pages", content=b"", headers={"Content-Type": "text/plain"}),
    ]
    for used, answer in enumerate(answers, start=1):
        headers = answer.headers
        assert (headers["x-ratelimit-limit"], headers["x-ratelimit-remaining"]) == ("30", str(30 - used))
        assert headers["ratelimit-policy"] == '"page-save";q=30;w=60'
        found = re.fullmatch(r'"page-save";r=(\d+);t=(\d+)', headers["ratelimit"])
        assert found is not None and found[1] == str(30 - used) and 55 <= int(found[2]) <= 60
        assert 55 <= int(headers["x-ratelimit-reset"]) - time.time() <= 62
    page = api.create()
    unchanged = client.get(f"/pages/{page}", headers={"If-None-Match": '"1"'})
    assert (unchanged.status_code, unchanged.headers["x-ratelimit-limit"]) == (304, "1200")
    assert client.get(f"/pages/{uuid.uuid4()}").headers["x-ratelimit-remaining"] == "1198", "404 is told, and counts"
    assert client.get("/pages").headers["ratelimit-policy"] == '"page-read";q=1200;w=60'
    assert client.get("/search?q=x").headers["ratelimit-policy"] == '"search";q=300;w=60'


def test_who_waits_retry_after_gets_in(api: Api, conn: psycopg.Connection) -> None:
    token = api.new_token("write")
    client = api.client(token)
    with changed_policy(conn, points=2, window_seconds=2, block_seconds=2):
        assert [client.post("/pages", json={}).status_code for _ in range(3)] == [201, 201, 429]
        refused = client.post("/pages", json={})  # in the block: read, not counted
        wait = int(refused.headers["retry-after"])
        assert refused.headers["x-ratelimit-remaining"] == "0"
        assert refused.headers["ratelimit"] == f'"page-save";r=0;t={wait}'
        time.sleep(wait)
        assert client.post("/pages", json={}).status_code == 201


def test_in_real_time_no_window_has_more_than_its_points(api: Api, conn: psycopg.Connection) -> None:
    """Four clients of one user that never stop: 5 saves, a block of 2 s, 5 saves, ..."""
    token = api.new_token("write")
    accepted: list[tuple[float, float]] = []
    statuses: Counter[int] = Counter()
    end = time.monotonic() + 7

    def hammer(client: httpx.Client) -> None:
        while (sent := time.monotonic()) < end:
            status = client.post("/pages", json={}).status_code
            statuses[status] += 1
            if status == 201:
                accepted.append((sent, time.monotonic()))

    with changed_policy(conn, points=5, window_seconds=2, block_seconds=2), ThreadPoolExecutor(4) as pool:
        list(pool.map(hammer, [api.client(token) for _ in range(4)]))
    assert set(statuses) == {201, 429} and statuses[429] > statuses[201]
    assert len(accepted) in (15, 20), "three or four rounds of five in seven seconds"
    accepted.sort()
    for (sent, _), (_, answered) in zip(accepted, accepted[5:], strict=False):
        assert answered - sent > 2, "six of them were decided within two seconds"


def test_of_a_crowd_everyone_gets_his_points_and_is_let_in_after_retry_after(
    api: Api, database: str, tmp_path: Path, conn: psycopg.Connection
) -> None:
    """Two processes, 24 users whose saves meet; what bench/limits_http.py does with 1000."""
    tokens = [api.new_token("write") for _ in range(24)]
    statuses = {token: Counter[int]() for token in tokens}
    told: dict[str, tuple[float, int]] = dict.fromkeys(tokens, (0.0, 0))
    with (
        running_api(database, tmp_path / "log") as other,
        changed_policy(conn, points=5, window_seconds=12, block_seconds=12),
        ThreadPoolExecutor(8) as pool,
    ):
        clients = {token: [place.client(token) for place in (api, other)] for token in tokens}

        def save(number: int) -> None:
            token = tokens[number % len(tokens)]
            answer = clients[token][number % 5 % 2].post("/pages", json={})
            statuses[token][answer.status_code] += 1
            if answer.status_code == 429:
                told[token] = max(told[token], (time.monotonic(), int(answer.headers["retry-after"])))

        begin = time.monotonic()
        list(pool.map(save, range(8 * len(tokens))))
        assert time.monotonic() - begin < 12, "too slow a machine for this test: the first points have come back"
        assert all(found == {201: 5, 429: 3} for found in statuses.values()), statuses

        def come_back(token: str) -> int:
            at, seconds = told[token]
            time.sleep(max(at + seconds - time.monotonic(), 0))
            return clients[token][0].post("/pages", json={}).status_code

        assert set(pool.map(come_back, tokens)) == {201}


def test_bypass_tokens_are_counted_in_a_metric_only(api: Api) -> None:
    client = api.client()
    before = api.metric("quire_rate_limit_decisions_total", policy="page-save", decision="bypassed")
    answers = [client.post("/pages", json={}) for _ in range(35)]
    assert {answer.status_code for answer in answers} == {201}
    assert not [name for name in answers[-1].headers if "ratelimit" in name]
    after = api.metric("quire_rate_limit_decisions_total", policy="page-save", decision="bypassed")
    assert after - before == 35
    line = api.event(answers[-1].headers["x-request-id"])
    assert line["limit"] == "bypassed" and uuid.UUID(line["token"]) and uuid.UUID(line["user"])


def test_refusals_do_not_reach_the_page(api: Api, conn: psycopg.Connection) -> None:
    client = api.client(api.new_token("write"))
    with changed_policy(conn, points=1, window_seconds=60, block_seconds=60):
        client.post("/pages", json={"title": "first"})
        refused = client.post("/pages", json={"title": "second"})
    line = api.event(refused.headers["x-request-id"])
    assert (line["status"], line["limit"], line["code"]) == (429, "limited", "rate_limited")
    assert "function" not in line  # api.admit alone was called
    assert conn.execute("select count(*) from core.pages where title = 'second'").fetchone() == (0,)


def test_a_dry_run_refuses_nobody(api: Api, conn: psycopg.Connection) -> None:
    client = api.client(api.new_token("write"))
    before = api.metric("quire_rate_limit_decisions_total", policy="page-save", decision="observed")
    with changed_policy(conn, points=1, mode="dry-run"):
        assert [client.post("/pages", json={}).status_code for _ in range(3)] == [201, 201, 201]
    after = api.metric("quire_rate_limit_decisions_total", policy="page-save", decision="observed")
    assert after - before == 2


def test_a_locked_bucket_fails_as_its_policy_says(api: Api, conn: psycopg.Connection) -> None:
    token = api.new_token("write")
    client = api.client(token)
    client.post("/pages", json={})
    for on_failure, status in (("open", 201), ("closed", 503)):
        with changed_policy(conn, on_failure=on_failure), psycopg.connect(api.database) as holder:
            holder.execute(
                LOCK_BUCKET,
                [token_hash(token)],
            )
            begin = time.monotonic()
            answer = client.post("/pages", json={})
            assert answer.status_code == status
            assert time.monotonic() - begin < 2  # 250 ms, and no more
            assert "x-ratelimit-remaining" not in answer.headers
            assert api.metric("quire_rate_limit_failures_total", policy="page-save", outcome=on_failure) == 1
            if status == 503:
                assert answer.json()["code"] == "rate_limiter_unavailable"
            holder.rollback()


@pytest.mark.parametrize(("on_failure", "status"), [("open", 201), ("closed", 503)])
def test_a_locked_table_fails_as_the_policy_says_and_metrics_tell(
    api: Api, conn: psycopg.Connection, on_failure: str, status: int
) -> None:
    client = api.client(api.new_token("write"))
    assert client.post("/pages", json={}).headers["x-ratelimit-remaining"] == "29"
    with changed_policy(conn, on_failure=on_failure), psycopg.connect(api.database) as holder:
        before = api.metric("quire_rate_limit_failures_total", policy="page-save", outcome=on_failure)
        holder.execute("lock table core.rate_buckets in access exclusive mode")
        for number in range(1, 4):
            begin = time.monotonic()
            answer = client.post("/pages", json={})
            assert answer.status_code == status and time.monotonic() - begin < 2
            # the scrape, limited itself, is answered all the same: its policy is open
            after = api.metric("quire_rate_limit_failures_total", policy="page-save", outcome=on_failure)
            assert after == before + number
            if status == 503:
                assert answer.json()["code"] == "rate_limiter_unavailable" and int(answer.headers["retry-after"]) > 0
        holder.rollback()
        assert client.post("/pages", json={}).headers["x-ratelimit-remaining"] == "28", "what failed took nothing"


def test_after_kill_9_of_postgresql_limits_hold_at_once(tmp_path: Path) -> None:
    with temporary_server(PG_VERSION) as server:
        server.create_database("quire")
        migrate(server.url("quire"), log=lambda _: None)
        with running_api(server.url("quire"), tmp_path / "log", QUIRE_POOL_TIMEOUT="5") as api:
            client = api.client(api.new_token("write"))
            assert Counter(client.post("/pages", json={}).status_code for _ in range(33)) == {201: 30, 429: 3}
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            server.stop()
            server.start()
            wait_until(lambda: httpx.get(f"{api.url}/readyz", trust_env=False).status_code == 200)
            time.sleep(2)  # what the process remembers of the block
            # The first requests at all: one more quota, exactly, told on each answer.
            answers = [client.post("/pages", json={}) for _ in range(33)]
            assert [answer.status_code for answer in answers] == [201] * 30 + [429] * 3
            left = [int(answer.headers["x-ratelimit-remaining"]) for answer in answers]
            assert left == [*range(29, -1, -1), 0, 0, 0]


def test_hits_that_wait_for_a_row_are_decided_in_turn(api: Api, conn: psycopg.Connection) -> None:
    """The decisive moment, by hand: several hits wait for the bucket's row, and each sees what the one before did."""
    token = api.new_token("write")
    api.client(token).post("/pages", json={})
    with changed_policy(conn, points=3), psycopg.connect(api.database) as holder:
        holder.execute(
            LOCK_BUCKET,
            [token_hash(token)],
        )

        def admit(_: int) -> str:
            with psycopg.connect(api.database, autocommit=True) as connection:
                # The function's own lock_timeout is 250 ms: long enough for the others to line up.
                row = connection.execute(
                    "select decision from api.admit(%s, '{page-save}', '{1}', null, null)", [token_hash(token)]
                ).fetchone()
                assert row is not None
                return row[0]

        with ThreadPoolExecutor(5) as pool:
            decisions = [pool.submit(admit, number) for number in range(5)]
            wait_until(lambda: waiting(conn) >= 2, 5)
            holder.rollback()
            found = Counter(decision.result() for decision in decisions)
    assert found["allowed"] == 2
    assert found["limited"] + found["blocked"] == 3


def waiting(conn: psycopg.Connection) -> int:
    row = conn.execute(
        "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
    ).fetchone()
    assert row is not None
    return row[0]


class changed_policy:
    """The policy page-save with other numbers, for a with block."""

    def __init__(self, conn: psycopg.Connection, **numbers: object) -> None:
        self._conn = conn
        self._numbers = numbers
        self._undo: Callable[[], object] = lambda: None

    def __enter__(self) -> None:
        names = list(self._numbers)
        assignments = sql.SQL(", ").join(sql.SQL("{} = %s").format(sql.Identifier(name)) for name in names)
        statement = sql.SQL("update core.rate_policies set {} where name = 'page-save'").format(assignments)
        columns = sql.SQL(", ").join(map(sql.Identifier, names))
        old = self._conn.execute(
            sql.SQL("select {} from core.rate_policies where name = 'page-save'").format(columns)
        ).fetchone()
        self._undo = lambda: self._conn.execute(statement, old)
        self._conn.execute(statement, list(self._numbers.values()))

    def __exit__(self, *_: object) -> None:
        self._undo()

"""Alerts about dead letters, sent to a real HTTP server that fails, stalls and rate-limits."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest

from db import logs
from db.pool import create_pool
from db.settings import Settings, as_role
from worker import alerts
from worker.context import Context
from worker.tests.webhook_server import SECRET, WebhookServer

WORKSPACE = UUID(int=7)
USERS_WORDS = "what a user wrote"


@pytest.fixture
def webhook(conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> Iterator[WebhookServer]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    conn.execute("truncate core.indexing_dead_letters, core.indexing_alerts")
    server = WebhookServer()
    yield server
    server.close()


def bury(conn: psycopg.Connection, error: str = f"HTTP 400: {USERS_WORDS}", workspace: UUID = WORKSPACE) -> str:
    """A dead letter; its fingerprint."""
    row = conn.execute(
        "insert into core.indexing_dead_letters (workspace_id, page_id, no, op, generation, attempts, enqueued_at,"
        " died_at, error_code, error, fingerprint) values (%s, %s, 1, 'upsert', 1, 3, now(), clock_timestamp(),"
        " 'embedding_refused', %s, core.error_fingerprint('embedding_refused', %s)) returning fingerprint",
        [workspace, uuid4(), error, error],
    ).fetchone()
    assert row is not None
    return row[0]


def due(conn: psycopg.Connection) -> float | None:
    """Seconds until the one alert is tried again."""
    row = conn.execute("select extract(epoch from due_at - clock_timestamp()) from core.indexing_alerts").fetchone()
    return None if row is None else float(row[0])


def hour_later(conn: psycopg.Connection) -> None:
    conn.execute("update core.indexing_alerts set due_at = due_at - interval '1 hour'")


def send(database: str, url: str | None, workers: int = 1) -> list[int]:
    """One run of the job in each of so many workers, at the same time; messages sent by each."""

    async def run() -> list[int]:
        settings = Settings.from_env({"QUIRE_ALERT_WEBHOOK_URL": url or ""})
        pools = [
            create_pool(as_role(database, "quire_worker"), settings, min_size=1, max_size=1) for _ in range(workers)
        ]
        for pool in pools:
            await pool.open(wait=True)
        try:
            contexts = [Context(settings, pool, concurrency=1) for pool in pools]
            return await asyncio.gather(*(alerts.send_alerts(context) for context in contexts))
        finally:
            for pool in pools:
                await pool.close()

    return asyncio.run(run())


def test_a_message_says_what_how_many_where_and_what_to_do_and_nothing_that_users_wrote(
    database: str, conn: psycopg.Connection, webhook: WebhookServer
) -> None:
    fingerprint = bury(conn)
    bury(conn, workspace=UUID(int=8))
    assert send(database, webhook.url) == [1]
    (body,) = webhook.taken
    assert "2 entries" in body["text"] and "embedding_refused" in body["text"]
    assert [block["type"] for block in body["blocks"]] == ["section", "section"]
    shown = json.dumps(body)
    for text in (
        *(fingerprint, "2 of them new", "2 workspaces", str(WORKSPACE), str(UUID(int=8))),
        f"quire indexing dead-letters --fingerprint {fingerprint}",
        f"quire indexing replay --fingerprint {fingerprint}",
    ):
        assert text in shown
    assert USERS_WORDS not in shown


def test_once_an_hour_a_cause(database: str, conn: psycopg.Connection, webhook: WebhookServer) -> None:
    bury(conn)
    assert send(database, webhook.url) == [1]
    bury(conn)
    assert send(database, webhook.url) == [0]
    bury(conn, "another cause")
    assert send(database, webhook.url) == [1], "another cause is news at once"
    hour_later(conn)
    assert send(database, webhook.url) == [1]
    assert "2 entries" in webhook.taken[-1]["text"]
    hour_later(conn)
    assert send(database, webhook.url) == [0], "nothing new died"
    assert len(webhook.taken) == 3


def test_many_workers_send_one(database: str, conn: psycopg.Connection, webhook: WebhookServer) -> None:
    for _ in range(3):
        bury(conn)
    webhook.stall = threading.Event()  # all of them look while the first is still sending
    timer = threading.Timer(0.5, webhook.stall.set)
    timer.start()
    assert sorted(send(database, webhook.url, workers=6)) == [0, 0, 0, 0, 0, 1]
    timer.join()
    assert (webhook.requests, len(webhook.taken)) == (1, 1)


def test_two_sessions_claim_a_group_once_whatever_the_order(conn: psycopg.Connection, database: str) -> None:
    """The second claims while the first has not committed: it neither waits nor gets the group."""
    conn.execute("truncate core.indexing_dead_letters, core.indexing_alerts")
    bury(conn)
    statement = "select count(*) from indexing.claim_alerts(gen_random_uuid(), 60, 10)"
    with psycopg.connect(database) as first, psycopg.connect(database, autocommit=True) as second:
        # the row is there already: what a failed try leaves
        conn.execute(
            "insert into core.indexing_alerts (fingerprint, error_code, alerted_until, due_at)"
            " select fingerprint, error_code, '-infinity', now() from core.indexing_dead_letters"
        )
        second.execute("set lock_timeout = '2s'")
        assert first.execute(statement).fetchone() == (1,)
        assert second.execute(statement).fetchone() == (0,)
        first.commit()
        assert second.execute(statement).fetchone() == (0,)


@pytest.mark.parametrize("status", [302, 404, 500])
def test_a_webhook_that_refuses_is_asked_again(
    database: str, conn: psycopg.Connection, webhook: WebhookServer, status: int
) -> None:
    bury(conn)
    webhook.status = status
    webhook.headers = {"location": webhook.url} if status == 302 else {}
    assert send(database, webhook.url) == [0]
    assert webhook.requests == 1
    assert conn.execute("select attempts, last_error from core.indexing_alerts").fetchone() == (1, f"HTTP {status}")
    wait = due(conn)
    assert wait is not None and 4 < wait <= 10
    assert send(database, webhook.url) == [0] and webhook.requests == 1, "not before the wait is over"
    webhook.status = 200
    hour_later(conn)
    assert send(database, webhook.url) == [1]
    assert conn.execute("select attempts, last_error from core.indexing_alerts").fetchone() == (0, None)


def test_retry_after_is_honoured(database: str, conn: psycopg.Connection, webhook: WebhookServer) -> None:
    bury(conn)
    webhook.status, webhook.headers = 429, {"retry-after": "120"}
    assert send(database, webhook.url) == [0]
    wait = due(conn)
    assert wait is not None and 115 < wait <= 120


def test_retry_after_is_seconds_or_a_date_and_at_most_an_hour() -> None:
    assert alerts.retry_after("30") == 30
    assert 50 < alerts.retry_after(format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)) <= 60
    assert alerts.retry_after("86400") == 3600
    assert [alerts.retry_after(value) for value in ("", "soon", "-5", "nan", "Tue, 99 Foo")] == [0, 0, 0, 0, 0]


@pytest.mark.parametrize("drip", [0.0, 0.05])
def test_a_webhook_that_stalls_or_drips_is_given_up_in_time(
    database: str, conn: psycopg.Connection, webhook: WebhookServer, monkeypatch: pytest.MonkeyPatch, drip: float
) -> None:
    monkeypatch.setattr(alerts, "SEND_SECONDS", 0.4)
    bury(conn)
    webhook.drip = drip
    webhook.stall = None if drip else threading.Event()
    begin = time.monotonic()
    assert send(database, webhook.url) == [0]
    assert time.monotonic() - begin < 5
    assert webhook.taken == []
    row = conn.execute("select attempts, claim_id from core.indexing_alerts").fetchone()
    assert row == (1, None)


def test_the_url_is_nowhere_but_in_the_request(
    database: str, conn: psycopg.Connection, webhook: WebhookServer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "worker")
    url = webhook.url
    bury(conn)
    webhook.status = 500
    send(database, url)
    webhook.close()
    hour_later(conn)
    assert send(database, url) == [0], "nobody listens"
    error = conn.execute("select last_error from core.indexing_alerts").fetchone()
    assert error == ("ConnectError",)
    assert SECRET not in caplog.text and "alert not taken" in caplog.text
    assert all(SECRET not in str(vars(record)) for record in caplog.records if record.name.startswith("worker"))


def test_without_a_webhook_nothing_is_claimed(database: str, conn: psycopg.Connection, webhook: WebhookServer) -> None:
    bury(conn)
    assert send(database, None) == [0]
    assert conn.execute("select count(*) from core.indexing_alerts").fetchone() == (0,)
    assert send(database, webhook.url) == [1], "what is there when one is set is said"


def test_more_groups_than_a_message_holds_are_sent_in_several(
    database: str, conn: psycopg.Connection, webhook: WebhookServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alerts, "GROUPS", 2)
    monkeypatch.setattr(alerts, "MESSAGES", 2)
    for word in ("one", "two", "three", "four", "five"):
        bury(conn, word)
    assert send(database, webhook.url) == [2]
    assert send(database, webhook.url) == [1], "the next run sends the rest"
    assert [len(body["blocks"]) for body in webhook.taken] == [3, 3, 2]


def test_what_slack_takes_as_markup_is_left_out() -> None:
    now = datetime.now(UTC)
    group = alerts.Group("0" * 16, "<!channel> `a`*&\nb", 1, 1, 7, [WORKSPACE], now, now)
    shown = json.dumps(alerts.message([group]))
    assert "<" not in shown and "a*" not in shown and "and 6 more" in shown


def test_a_worker_that_is_killed_while_it_sends_loses_nothing(
    database: str, conn: psycopg.Connection, webhook: WebhookServer
) -> None:
    bury(conn)
    webhook.stall = threading.Event()
    process = subprocess.Popen(
        [sys.executable, "-m", "worker.main"],
        env={
            **os.environ,
            "QUIRE_WORKER_DATABASE_URL": as_role(database, "quire_worker"),
            "QUIRE_ALERT_WEBHOOK_URL": webhook.url,
        },
        cwd=Path(__file__).parents[2],
        stderr=subprocess.DEVNULL,
    )
    try:
        assert webhook.arrived.wait(30), "the job runs every 10 seconds"
    finally:
        process.kill()
        process.wait(10)
    webhook.stall.set()
    webhook.stall = None
    webhook.taken.clear()
    assert send(database, webhook.url) == [0], "its claim still holds"
    conn.execute("update core.indexing_alerts set claimed_until = now()")
    assert send(database, webhook.url) == [1]
    assert len(webhook.taken) == 1


def test_retention_keeps_a_year_of_the_audit_log(database: str, conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into core.audit_log (id, at, actor_name, action, details) select gen_random_uuid(),"
        " now() - make_interval(days => n), 'a', 'test.act', '{}' from generate_series(360, 369) as n"
    )

    assert conn.execute("select outcome, rows from ops.run_periodic('purge_audit_log', 'command')").fetchone() == (
        "done",
        5,
    )
    assert conn.execute("select count(*) from core.audit_log where action = 'test.act'").fetchone() == (5,)


def test_httpx_itself_keeps_the_url_out_of_the_log() -> None:
    """It logs each request with its URL at level info: db.logs shows warnings of it only."""
    logger, root = logging.getLogger("httpx"), logging.getLogger()
    before = logger.level, root.level, root.handlers[:]
    try:
        logs.configure("worker", "debug")
        assert logger.getEffectiveLevel() >= logging.WARNING
    finally:
        logger.setLevel(before[0])
        root.setLevel(before[1])
        root.handlers[:] = before[2]

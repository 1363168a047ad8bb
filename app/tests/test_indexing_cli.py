"""`quire indexing`, as a person or a script runs it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import psycopg
import pytest

from app.tests import contract
from app.tests.processes import wait_until
from db.settings import as_role

WORKSPACE = "00000000-0000-7000-8000-0000000000aa"
PAGE = "00000000-0000-7000-8000-0000000000bb"
ONE = ("--workspace", WORKSPACE, "--page", PAGE, "--no")


@pytest.fixture(autouse=True)
def empty(conn: psycopg.Connection) -> None:
    conn.execute("truncate core.indexing_queue, core.indexing_dead_letters, core.audit_log")
    conn.execute("update core.indexing_control set paused = false")


def bury(conn: psycopg.Connection, low: int, high: int, code: str = "embedding_refused", error: str = "no") -> None:
    conn.execute(
        "insert into core.indexing_dead_letters (workspace_id, page_id, no, op, generation, attempts, enqueued_at,"
        " died_at, error_code, error, fingerprint) select %s, %s, n, 'upsert', 1, 3, now(), '2026-05-05T12:00:00Z', %s,"
        " %s, core.error_fingerprint(%s, %s) from generate_series(%s::integer, %s::integer) as n",
        [WORKSPACE, PAGE, code, error, code, error, low, high],
    )


def indexing(database: str, *arguments: str, stdin: int = subprocess.DEVNULL) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "indexing", *arguments],
        env={**env, "DATABASE_URL": database},
        cwd=contract.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        stdin=stdin,
    )


def read(database: str, *arguments: str) -> Any:
    done = indexing(database, *arguments, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_the_state_for_people_and_for_scripts(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 2)
    shown = indexing(database, "state").stdout
    assert "dead         2 (embedding_refused 2)" in shown and "paused" not in shown
    assert indexing(database, "pause", "--reason", "the provider moves").stdout.startswith("paused")
    assert "the provider moves" in indexing(database, "state").stdout
    assert "was paused before" in indexing(database, "pause").stdout
    state = read(database, "state")
    assert (state["dead"], state["paused"]["by"]) == (2, "postgres")
    assert read(database, "resume") == {"paused": False, "new": True}
    assert indexing(database, "resume").stdout == "was not paused\n"


def test_the_lag_counts_what_backs_off(database: str, conn: psycopg.Connection) -> None:
    conn.execute(
        "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
        " values (%s, %s, 1, now() + interval '1 hour', now() - interval '90 seconds')",
        [WORKSPACE, PAGE],
    )
    shown = indexing(database, "state").stdout
    assert re.search("^pending +0 .oldest: 0 s.$", shown, re.M) and re.search("^lag +9[0-9] s ", shown, re.M), shown


def test_a_provider_that_is_out_is_shown(database: str, conn: psycopg.Connection) -> None:
    conn.execute("truncate core.indexing_breakers")
    assert (read(database, "state")["outages"], "provider" in indexing(database, "state").stdout) == ([], False)
    conn.execute("select indexing.open_breaker('hashing-384', 60, false, 'HTTP 503:\n\x1b[31mbusy')")
    (out,) = read(database, "state")["outages"]
    assert (out["model"], out["in_a_row"], out["at"] < out["retry_at"]) == ("hashing-384", 1, True)
    shown = indexing(database, "state").stdout
    assert "provider out hashing-384: 1 times in a row" in shown and "HTTP 503:  [31mbusy" in shown
    conn.execute("select indexing.close_breaker('hashing-384')")
    assert read(database, "state")["outages"] == []


def test_who_holds_vacuum_back_is_shown(database: str, conn: psycopg.Connection) -> None:
    state = read(database, "state")
    assert (state["oldest_xmin_holder"], "vacuum" in indexing(database, "state").stdout) == (None, False)
    with psycopg.connect(database, application_name="report") as reader:
        reader.execute("set transaction isolation level repeatable read")
        reader.execute("select 'a secret'")
        seconds = "select (ops.describe_indexing() -> 'oldest_xmin_seconds')::double precision > 1"
        wait_until(lambda: conn.execute(seconds).fetchone() == (True,))
        who = f"pid {reader.info.backend_pid}, role postgres, application report, idle in transaction"
        state = read(database, "state")
        assert state["oldest_xmin_holder"] == who and state["oldest_xmin_seconds"] > 1
        shown = indexing(database, "state").stdout
        assert re.search(rf"^vacuum held  [0-9]+ s by {who}$", shown, re.M) and "secret" not in shown


def test_entries_are_listed(database: str, conn: psycopg.Connection) -> None:
    conn.execute("truncate core.indexing_done")
    assert indexing(database, "entries").stderr == "no entries\n"
    bury(conn, 1, 1, error="no\x1b[31m")
    conn.execute(
        "insert into core.indexing_queue"
        " (workspace_id, page_id, no, priority, op, attempts, run_at, enqueued_at, last_error)"
        " values (%s, %s, 2, 100, 'delete', 1, '2031-05-05 12:00Z', '2026-05-05 12:00Z', 'HTTP 400')",
        [WORKSPACE, PAGE],
    )
    which = f"    --workspace {WORKSPACE} --page {PAGE} --no"
    shown = indexing(database, "entries").stdout.splitlines()
    assert shown[:3] == [
        "pending     edit, delete, 1 attempt, edited 2026-05-05 12:00:00Z, not before 2031-05-05 12:00:00Z",
        f"{which} 2",
        "    HTTP 400",
    ]
    assert re.fullmatch("failed      3 attempts, edited .*Z, finished 2026-05-05 12:00:00Z", shown[3]), shown
    assert shown[4:] == [f"{which} 1", "    embedding_refused: no [31m"]
    first = indexing(database, "entries", "--limit", "1")
    cursor = first.stderr.split()[-1]
    assert [row["no"] for row in read(database, "entries", "--cursor", cursor)] == [1]
    assert [row["no"] for row in read(database, "entries", "--status", "failed", *ONE, "1")] == [1]
    assert read(database, "entries", "--finished-after", "2026-05-05T12:00:01") == []
    refused = indexing(database, "entries", "--finished-after", "soon")
    assert (refused.returncode, refused.stderr) == (
        2,
        'quire indexing: --finished-after cannot be "soon": it takes a time, such as 2026-01-31T12:00:00Z\n',
    )
    assert "--status" in indexing(database, "entries", "--status", "done").stderr


def test_a_statement_timeout_is_a_sentence(database: str, conn: psycopg.Connection) -> None:
    with conn.transaction():
        conn.execute("lock table core.indexing_queue in access exclusive mode")
        refused = indexing(f"{database}&options=-c%20statement_timeout%3D300", "entries")
    assert (refused.returncode, refused.stderr) == (
        1,
        "quire: canceling statement due to statement timeout: ask for less, or give the login a longer"
        " statement_timeout\n",
    )


def test_lists_and_groups(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 3)
    bury(conn, 4, 4, "lease_expired", "lost\n\x1b[31m3 times")
    shown = indexing(database, "dead-letters").stdout
    assert f"--workspace {WORKSPACE} --page {PAGE} --no 4" in shown
    assert "\x1b" not in shown and "lost  [31m3 times" in shown
    first = indexing(database, "dead-letters", "--limit", "3")
    cursor = first.stderr.split()[-1]
    assert [row["no"] for row in read(database, "dead-letters", "--cursor", cursor)] == [1]
    groups = read(database, "dead-letters", "--group")
    assert [(row["entries"], row["error_code"]) for row in groups] == [(3, "embedding_refused"), (1, "lease_expired")]
    lines = indexing(database, "dead-letters", "--group", "--text", "LOST").stdout
    assert groups[1]["fingerprint"] in lines and groups[0]["fingerprint"] not in lines
    assert read(database, "dead-letters", "--after", "2026-05-05T12:00:01") == []
    assert len(read(database, "dead-letters", "--before", "2026-05-05T12:00:01+00:00")) == 4


def test_one_is_replayed_without_being_asked(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 2)
    done = indexing(database, "replay", *ONE, "1")
    assert (done.returncode, done.stdout) == (0, "replayed 1\n")
    assert conn.execute("select no from core.indexing_queue").fetchall() == [(1,)]
    again = indexing(database, "replay", *ONE, "1")
    assert (again.returncode, again.stderr) == (1, "no dead letter matches\n")
    assert conn.execute("select action, actor_name, details ->> 'count' from core.audit_log").fetchall() == [
        ("dead_letters.replay", "postgres", "1")
    ]


def test_many_are_confirmed_first(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 3)
    refused = indexing(database, "discard", "--error-code", "embedding_refused")
    assert (refused.returncode, "--yes" in refused.stderr) == (2, True)
    for answer, code in (("n\n", 2), ("\n", 2), ("y\n", 0)):
        controller, terminal = pty.openpty()
        try:
            os.write(controller, answer.encode())
            done = indexing(database, "discard", "--error-code", "embedding_refused", stdin=terminal)
        finally:
            os.close(controller)
            os.close(terminal)
        assert (done.returncode, "discard 3 dead letters? [y/N]" in done.stderr) == (code, True)
    assert conn.execute("select count(*) from core.indexing_dead_letters where discarded_at is null").fetchone() == (0,)
    assert read(database, "replay", "--discarded", "--yes") == {"replay": 3, "waiting": 0}


@pytest.mark.parametrize("action", ["replay", "discard"])
@pytest.mark.parametrize(
    ("which", "changed", "filtered"),
    [
        ((*ONE, "1"), 1, {"workspace_id": WORKSPACE, "page_id": PAGE, "no": 1}),
        (("--error-code", "lease_expired", "--yes"), 2, {"error_code": "lease_expired"}),
        (("--all", "--yes"), 5, {}),
    ],
    ids=["one", "by filter", "all"],
)
def test_each_is_written_down(
    database: str, conn: psycopg.Connection, action: str, which: tuple[str, ...], changed: int, filtered: dict[str, Any]
) -> None:
    bury(conn, 1, 3)
    bury(conn, 4, 5, "lease_expired")
    assert read(database, action, *which)[action] == changed
    left = conn.execute("select count(*) from core.indexing_dead_letters where discarded_at is null").fetchone()
    assert left == (5 - changed,)
    assert conn.execute("select action, actor_name, details - 'waiting' from core.audit_log").fetchall() == [
        (f"dead_letters.{action}", "postgres", {"filter": filtered, "count": changed})
    ]


def test_thousands_go_in_short_transactions(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 2500)
    conn.execute(
        "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
        " values (%s, %s, 7, now(), now())",
        [WORKSPACE, PAGE],
    )
    assert read(database, "replay", "--all", "--yes") == {"replay": 2500, "waiting": 1}
    assert conn.execute("select count(*) from core.indexing_queue").fetchone() == (2500,)
    assert conn.execute(
        "select array_agg(details ->> 'count' order by at), count(distinct xmin::text) from core.audit_log"
    ).fetchone() == (["1000", "1000", "500"], 3)


@pytest.mark.parametrize(
    ("arguments", "code", "reason"),
    [
        (("replay",), 2, "--all"),
        (("replay", "--all", "--text", "x"), 2, "leave the other options out"),
        (("replay", "--all", "--discarded"), 2, "--discarded alone: all discarded ones"),
        (("discard", "--discarded", "--yes"), 2, "unrecognized arguments: --discarded"),
        (("discard", "--text", "", "--yes"), 2, '--text cannot be "": it takes text that is not empty'),
        (("discard", "--error-code", "", "--yes"), 2, '--error-code cannot be ""'),
        (("dead-letters", "--fingerprint", "x"), 2, '--fingerprint cannot be "x": it takes 16 hexadecimal digits'),
        (("dead-letters", "--after", "soon"), 2, '--after cannot be "soon": it takes a time'),
        (("dead-letters", "--no", "-1"), 2, "--no: takes a number from 0"),
        (("dead-letters", "--limit", "0"), 2, "--limit: takes a number from 1 to 1000"),
        (("dead-letters", "--limit", "99999999999999"), 2, "--limit: takes a number from 1 to 1000"),
        (("dead-letters", "--cursor", "x"), 2, "cursor"),
        (("dead-letters", "--group", "--cursor", "x"), 2, "no pages"),
        (("dead-letters", "--workspace", "mine"), 2, "UUID"),
        (("fly",), 2, "fly"),
    ],
)
def test_what_cannot_be_done_is_said(
    database: str, conn: psycopg.Connection, arguments: tuple[str, ...], code: int, reason: str
) -> None:
    bury(conn, 1, 1)
    done = indexing(database, *arguments)
    assert (done.returncode, reason in done.stderr) == (code, True), done.stderr
    assert "Traceback" not in done.stderr
    assert conn.execute("select count(*) from core.indexing_dead_letters where discarded_at is null").fetchone() == (1,)


def test_a_login_without_the_right_is_told_so(database: str, conn: psycopg.Connection) -> None:
    bury(conn, 1, 1)
    done = indexing(as_role(database, "quire_monitor"), "replay", "--all", "--yes")
    assert (done.returncode, "the login has not the rights for that" in done.stderr) == (1, True), done.stderr
    assert read(as_role(database, "quire_monitor"), "state")["dead"] == 1
    assert indexing(as_role(database, "quire_maintenance"), "replay", "--all", "--yes").returncode == 0

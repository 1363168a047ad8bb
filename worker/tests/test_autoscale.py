"""`--autoscale MIN:MAX` with real processes: grows with the backlog, shrinks after a cooldown, leaves nobody behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from db.embedded import EmbeddedServer, temporary_server
from db.migrate import migrate
from db.settings import SettingsError
from db.tests.cluster import PG_VERSION
from db.tests.embedding_server import EmbeddingServer
from worker import autoscale
from worker.autoscale import parse_bounds
from worker.tests.test_process import running, wait_until


def registered(conn: psycopg.Connection) -> list[int]:
    rows = conn.execute("select pid from core.indexing_workers where seen_at > now() - interval '15 seconds'")
    return sorted(pid for (pid,) in rows)


def load(conn: psycopg.Connection, arrivals: float) -> None:
    """Statistics of the current ten seconds: so many entries a second come, one worker manages ten."""
    conn.execute(
        "insert into core.indexing_stats"
        " select date_bin('10 seconds', now(), '2000-01-01'), now(), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, true,"
        " %s, 10, 10,"
        " false, '{0,0,0,0}', 0, 0"
        " on conflict (at) do update set measured_at = now(), arrival_rate = excluded.arrival_rate,"
        " worker_rate = excluded.worker_rate",
        [arrivals],
    )


def keep(conn: psycopg.Connection, arrivals: float, condition: Callable[[], bool], seconds: float, what: str) -> None:
    """Keep the load up until something has happened; the workers' own statistics do not get in between."""

    def look() -> bool:
        load(conn, arrivals)
        return condition()

    wait_until(look, seconds, what)


def alive(pid: int) -> bool:
    """Whether a process works still; an orphan that nobody has waited for does not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


@pytest.mark.slow
def test_grows_at_once_shrinks_after_the_cooldown_and_replaces_the_dead(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    conn.execute("select ops.set_indexing_scaling(60, 1)")
    conn.execute("truncate core.indexing_workers")  # of other tests, that were killed
    with running(database, provider, "--autoscale", "1:3") as supervisor:
        keep(conn, 0, lambda: len(registered(conn)) == 1, 30, "one worker")
        first = registered(conn)
        keep(conn, 500, lambda: len(registered(conn)) == 3, 30, "as many as allowed, not the 50 that are wanted")
        victim = next(pid for pid in registered(conn) if pid not in first)
        os.kill(victim, signal.SIGKILL)
        keep(conn, 500, lambda: not alive(victim), 10, "its end")
        keep(
            conn,
            500,
            lambda: len([pid for pid in registered(conn) if alive(pid)]) == 3,
            30,
            "another for the killed one",
        )
        many = [pid for pid in registered(conn) if alive(pid)]
        keep(conn, 0, lambda: [pid for pid in many if alive(pid)] == first, 40, "the newest stopped, the first working")
        assert not set(registered(conn)) & set(many) - set(first), "who stops leaves the registry"
        codes = [event.get("exit_code") for event in supervisor.events() if event["event"] == "worker ended"]
        assert codes == [-signal.SIGKILL], "the others ended as told"
        assert supervisor.stop() < 20
        assert supervisor.process.returncode == 0
        assert not any(alive(pid) for pid in many)
    assert registered(conn) in ([], [victim])


@pytest.mark.slow
def test_a_backlog_nobody_works_off_brings_workers(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    conn.execute("delete from core.indexing_stats")
    conn.execute(
        "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at) select core.new_id(),"
        " core.new_id(), 1, now(), now() - interval '1 minute' from generate_series(1, 30000)"
    )
    with psycopg.connect(database) as holder:
        # whoever claims skips what is locked: the backlog stays
        holder.execute("select count(*) from (select from core.indexing_queue for update) as q")
        with running(database, provider, "--autoscale", "1:2"):
            wait_until(lambda: len(registered(conn)) == 2, 40, "a second worker by the workers' own statistics")
    conn.execute("delete from core.indexing_queue")


@pytest.mark.slow
def test_leaves_nobody_behind_when_killed(conn: psycopg.Connection, database: str, provider: EmbeddingServer) -> None:
    conn.execute("delete from core.indexing_workers")
    with running(database, provider, "--autoscale", "2:2") as supervisor:
        wait_until(lambda: len(registered(conn)) == 2, 30, "two workers")
        workers = registered(conn)
        supervisor.kill()
        wait_until(lambda: not any(alive(pid) for pid in workers), 20, "the kernel told them")
        assert registered(conn) == [], "and they left in good order"


@pytest.mark.slow
def test_keeps_what_runs_while_the_database_is_away(provider: EmbeddingServer) -> None:
    with temporary_server(PG_VERSION) as server:
        server.create_database("quire")
        migrate(server.url("quire"), log=lambda _: None)
        with running(server.url("quire"), provider, "--autoscale", "2:3") as supervisor:
            workers = wait_for_workers(server, 2)
            assert server.pid is not None
            os.kill(server.pid, signal.SIGKILL)
            wait_until(
                lambda: any("keeping" in event["event"] for event in supervisor.events()), 20, "it noticed the outage"
            )
            time.sleep(1)
            assert all(alive(pid) for pid in workers)
            server.start()
            assert wait_for_workers(server, 2) == workers
            wait_until(lambda: any("is back" in event["event"] for event in supervisor.events()), 20, "it asks again")
            assert supervisor.stop() < 20


def wait_for_workers(server: EmbeddedServer, count: int) -> list[int]:
    found: list[int] = []

    def look() -> bool:
        with psycopg.connect(server.url("quire"), autocommit=True) as conn:
            found[:] = registered(conn)
        return len(found) == count

    wait_until(look, 60, f"{count} workers")
    return found


@pytest.mark.slow
def test_settings_that_cannot_be_used_end_it(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    conn.execute("select indexing.ensure_model('scaled-model', 8)")
    with running(database, provider, "--autoscale", "1:2", QUIRE_EMBEDDING_MODEL="scaled-model") as supervisor:
        assert supervisor.process.wait(30) == 2


@pytest.mark.once
@pytest.mark.parametrize("bounds", ["", "3", "0:2", "4:1", "1:65", "1:2:3", "a:b", "-1:2", "1: 2", "١:٢"])
def test_bad_bounds_are_named(bounds: str) -> None:
    with pytest.raises(SettingsError, match="MIN:MAX"):
        parse_bounds(bounds)


@pytest.mark.once
def test_bounds_are_refused_before_anything_starts() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "worker.main", "--autoscale", "4:1"],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and "'4:1'" in done.stderr
    assert parse_bounds("1:4") == (1, 4)


@pytest.mark.once
def test_who_does_not_stop_is_killed_and_who_dies_early_is_not_hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoscale, "STOP_SECONDS", 0.5)
    deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
    supervisor = autoscale.Supervisor(1, 2, [sys.executable, "-c", deaf])
    supervisor.tend(2)
    time.sleep(1)
    begin = time.monotonic()
    supervisor.stop()
    assert time.monotonic() - begin < 5
    starts = 0
    supervisor = autoscale.Supervisor(1, 1, [sys.executable, "-c", "raise SystemExit(1)"])
    spawn = autoscale.spawn

    def counted(argv: list[str], *, cwd: str) -> subprocess.Popen[bytes]:
        nonlocal starts
        starts += 1
        return spawn(argv, cwd=cwd)

    monkeypatch.setattr(autoscale, "spawn", counted)
    while time.monotonic() - begin < 4:
        supervisor.tend(1)
        time.sleep(0.05)
    supervisor.stop()
    assert 2 <= starts <= 4, "0.5 s, 1 s, 2 s between them"

"""The worker as a process: killed in mid-batch, its database killed under it, stopped, and asked for help."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from db.embedded import EmbeddedServer, temporary_server
from db.migrate import migrate
from db.settings import as_role
from db.tests.cluster import PG_VERSION
from db.tests.embedding_server import DIMENSIONS, EmbeddingServer
from worker.tests import pages

MODEL = "process-model"


class WorkerProcess:
    """`python -m worker.main` with its log in a file."""

    def __init__(self, database: str, environ: dict[str, str], *arguments: str) -> None:
        self.log_file = tempfile.TemporaryFile("a+")  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            [sys.executable, "-m", "worker.main", *arguments],
            env={**os.environ, "QUIRE_WORKER_DATABASE_URL": as_role(database, "quire_worker"), **environ},
            cwd=Path(__file__).parents[2],
            stderr=self.log_file,
        )

    def events(self) -> list[dict[str, Any]]:
        self.log_file.seek(0)
        found: list[dict[str, Any]] = []
        for line in self.log_file.read().splitlines():
            # Of several processes' lines one may be cut, and the last may be half written.
            with suppress(json.JSONDecodeError):
                found += [event for event in [json.loads(line)] if isinstance(event, dict)]
        return found

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> float:
        """SIGTERM; seconds until it has ended."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(20)
        return time.monotonic() - begin


@contextmanager
def running(database: str, provider: EmbeddingServer, *arguments: str, **environ: str) -> Generator[WorkerProcess]:
    settings = {
        "QUIRE_EMBEDDER": "openai",
        "QUIRE_EMBEDDING_URL": provider.url,
        "QUIRE_EMBEDDING_MODEL": MODEL,
        "QUIRE_EMBEDDING_DIMENSIONS": str(DIMENSIONS),
        "QUIRE_INDEX_LEASE_SECONDS": "1",
        "QUIRE_INDEX_BATCH": "20",
    }
    worker = WorkerProcess(database, settings | environ, *arguments)
    try:
        yield worker
    finally:
        worker.kill()
        worker.log_file.close()


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.05)


def waiting(conn: psycopg.Connection) -> int:
    row = conn.execute("select count(*) from core.indexing_queue").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.slow
def test_killed_in_mid_batch_everything_is_indexed_once_with_the_newest_text(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    workspace = pages.create_workspace(conn)
    page = pages.create_page(conn, workspace, [f"text {n}" for n in range(60)], title="Title")
    provider.stall = threading.Event()
    with running(database, provider) as worker:
        wait_until(lambda: provider.requests >= 2, 20, "a batch with the provider")
        worker.kill()
    held = conn.execute("select count(*) from core.indexing_queue where lease_id is not null").fetchone()
    assert held is not None and held[0] > 0
    pages.edit(conn, workspace, page, 1, "edited while nobody was there")
    provider.stall.set()
    provider.stall = None
    with running(database, provider) as worker:
        wait_until(lambda: waiting(conn) == 0, 40, "an empty queue")
        assert worker.stop() < 15
        assert worker.process.returncode == 0
    assert pages.disagreements(conn, workspace, MODEL) == []
    # nothing was acked twice: one history row a queue row
    twice = conn.execute("select no, count(*) from core.indexing_done group by 1 having count(*) > 1").fetchall()
    assert twice == []
    assert conn.execute("select count(*) from core.indexing_dead_letters").fetchone() == (0,)


def test_told_to_stop_in_mid_batch_it_gives_back_what_it_holds(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    """The provider does not answer, the leases would hold for an hour: nothing may wait for them."""
    workspace = pages.create_workspace(conn)
    page = pages.create_page(conn, workspace, [f"text {n}" for n in range(60)], title="Title")
    provider.stall = threading.Event()
    with running(database, provider, QUIRE_INDEX_LEASE_SECONDS="3600") as worker:
        wait_until(lambda: provider.requests >= 2, 20, "a batch with the provider")
        assert worker.stop() < 10
        assert worker.process.returncode == 0
    held = (
        "select count(*) filter (where lease_id is not null), count(*), max(attempts), max(lane)"
        " from core.indexing_queue where page_id = %s"
    )
    assert conn.execute(held, [page]).fetchone() == (0, 61, 0, 0)
    assert conn.execute("select count(*) from core.indexing_leases").fetchone() == (0,)
    left = conn.execute("select from core.indexing_workers where pid = %s", [worker.process.pid]).fetchall()
    assert left == []
    provider.stall.set()
    provider.stall = None
    with running(database, provider) as worker:
        wait_until(lambda: waiting(conn) == 0, 20, "an empty queue")
    assert pages.disagreements(conn, workspace, MODEL) == []


def test_ordered_snapshots_are_made(conn: psycopg.Connection, database: str, provider: EmbeddingServer) -> None:
    workspace = pages.create_workspace(conn)
    made = [pages.create_page(conn, workspace, ["text"]) for _ in range(21)]
    with conn.cursor() as cursor:
        cursor.executemany(
            "insert into core.page_snapshots_due values (%s, %s, 1)", [(workspace, page) for page in made]
        )
    with running(database, provider):
        wait_until(
            lambda: conn.execute("select from core.page_snapshots_due").fetchone() is None, 30, "all orders taken"
        )
    rows = conn.execute("select page_id from core.page_snapshots where workspace_id = %s", [workspace]).fetchall()
    assert {page for (page,) in rows} == set(made)


def test_a_save_is_indexed_without_being_waked(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    workspace = pages.create_workspace(conn)
    with running(database, provider, "--concurrency", "2") as worker:
        wait_until(lambda: any(e["event"] == "worker started" for e in worker.events()), 20, "a worker")
        pages.create_page(conn, workspace, ["by the tick"])
        wait_until(lambda: waiting(conn) == 0, 8, "an empty queue")
        pages.create_page(conn, workspace, ["by a wake"])
        begin = time.monotonic()
        conn.execute("select api.wake_indexing()")
        wait_until(lambda: waiting(conn) == 0, 8, "an empty queue")
        assert time.monotonic() - begin < 2
        assert worker.process.poll() is None
        # partitions were made at the start, and finished jobs leave no row
        made = conn.execute(
            "select count(*) from pg_class where relname = 'indexing_done_p' || to_char(now() + '3 days', 'YYYYMMDD')"
        )
        assert made.fetchone() == (1,)
        kept = conn.execute("select count(*) from procrastinate.procrastinate_jobs where status = 'succeeded'")
        assert kept.fetchone() == (0,)
        # what a start does is written down like what the schedule does
        looked = "select from ops.periodic_state where task = 'enqueue_missing' and last_success_at is not null"
        wait_until(lambda: conn.execute(looked).fetchone() is not None, 8, "a record of the look for missing entries")
    assert pages.disagreements(conn, workspace, MODEL) == []


@pytest.fixture
def own_server() -> Iterator[EmbeddedServer]:
    """A server of this test's own, to be killed."""
    with temporary_server(PG_VERSION) as server:
        server.create_database("quire")
        migrate(server.url("quire"), log=lambda _: None)
        yield server


@pytest.mark.slow
def test_survives_the_death_of_postgresql(own_server: EmbeddedServer, provider: EmbeddingServer) -> None:
    database = own_server.url("quire")
    with running(database, provider, QUIRE_POOL_TIMEOUT="30") as worker:
        wait_until(lambda: any(e["event"] == "worker started" for e in worker.events()), 30, "a worker")
        with psycopg.connect(database, autocommit=True) as conn:
            workspace = pages.create_workspace(conn)
            pages.create_page(conn, workspace, [f"before {n}" for n in range(200)])
            conn.execute("select api.wake_indexing()")
        wait_until(lambda: provider.requests >= 1, 20, "a drain")
        assert own_server.pid is not None
        os.kill(own_server.pid, signal.SIGKILL)
        time.sleep(3)  # long enough for a worker to give up that would
        own_server.start()
        with psycopg.connect(database, autocommit=True) as conn:
            pages.create_page(conn, workspace, ["after"])
            wait_until(lambda: waiting(conn) == 0, 60, "an empty queue")
            assert worker.process.poll() is None
            assert pages.disagreements(conn, workspace, MODEL) == []
        # Killed again and told to stop while it is away: the executors wait for a connection, 30 seconds each time.
        assert own_server.pid is not None
        os.kill(own_server.pid, signal.SIGKILL)
        time.sleep(3)
        assert worker.stop() < 15
        assert worker.process.returncode == 0


def test_waits_for_its_database_and_stops_when_told(provider: EmbeddingServer, tmp_path: Path) -> None:
    with running(f"postgresql:///nowhere?host={tmp_path}", provider, QUIRE_POOL_TIMEOUT="0.5") as worker:
        wait_until(lambda: any("away" in e["event"] for e in worker.events()), 20, "a try")
        assert worker.process.poll() is None
        assert worker.stop() < 5
        assert worker.process.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "environ", "message"),
    [
        (["--concurrency", "0"], {}, "--concurrency is 0"),
        ([], {"QUIRE_EMBEDDER": "magic"}, "QUIRE_EMBEDDER"),
        ([], {}, "set DATABASE_URL"),
    ],
)
@pytest.mark.once
def test_unusable_settings_are_named(arguments: list[str], environ: dict[str, str], message: str) -> None:
    clean = {name: value for name, value in os.environ.items() if "DATABASE_URL" not in name}
    done = subprocess.run(
        [sys.executable, "-m", "worker.main", *arguments],
        env=clean | environ, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 2 and message in done.stderr


def test_another_dimension_of_a_known_model_is_refused(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    conn.execute("insert into core.embedding_models values ('other-model', 8, 'retired', now())")
    with running(database, provider, QUIRE_EMBEDDING_MODEL="other-model") as worker:
        assert worker.process.wait(20) == 2
        worker.log_file.seek(0)
        assert "correct QUIRE_EMBEDDING_DIMENSIONS" in worker.log_file.read()


@pytest.mark.parametrize("arguments", [(), ("--autoscale", "1:2")], ids=["worker", "supervisor"])
def test_a_login_that_may_not_work_is_told_so(
    database: str, provider: EmbeddingServer, arguments: tuple[str, ...]
) -> None:
    login = {"QUIRE_WORKER_DATABASE_URL": as_role(database, "quire_monitor")}
    with running(database, provider, *arguments, **login) as worker:
        assert worker.process.wait(30) == 2
        worker.log_file.seek(0)
        said = worker.log_file.read()
        assert "has to log in as quire_worker" in said and "Traceback" not in said and "database away" not in said


def test_an_unknown_model_is_refused_while_there_are_vectors(
    conn: psycopg.Connection, database: str, provider: EmbeddingServer
) -> None:
    workspace = pages.create_workspace(conn)
    pages.create_page(conn, workspace, ["text"])
    with running(database, provider):
        wait_until(lambda: waiting(conn) == 0, 20, "an empty queue")
    with running(database, provider, QUIRE_EMBEDDING_MODEL="unheard-of") as worker:
        assert worker.process.wait(20) == 2
        worker.log_file.seek(0)
        assert "change to unheard-of with `quire reembed --model unheard-of`" in worker.log_file.read()

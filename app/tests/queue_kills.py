"""Savers at hot blocks and two workers that are killed at every step of a batch; the API and PostgreSQL are, too.

Afterwards: nothing waits, nothing is dead, nothing was applied twice, every entry and vector is of the newest text,
and there was no deadlock. The savers are those of app/tests/soak.py.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from app.seed import ensure_quickstart
from app.tests import contract
from app.tests.processes import answers, free_port, wait_until
from app.tests.soak import Writer, create_page
from db.embedded import EmbeddedServer
from db.migrate import migrate
from db.processes import spawn
from db.server_settings import SERVER_SETTINGS
from db.settings import Settings

# worker/tests/mortal_worker.py; the app's rooms do not import the worker's
STEPS = ("after_claim", "in_embedding", "after_write", "before_ack", "in_ack", "after_ack", "before_claim")
WORKERS = 2
PATIENCE = 6.0  # seconds until a worker that does not come to its step is killed wherever it is
EMPTY_SECONDS = 120.0

# Nothing waits, so every entry and vector is of the newest text: what is not.
STALE = """
select b.page_id, b.no, b.ver, e.ver, m.ver
from core.indexable_blocks as b
full join core.search_entries as e on e.workspace_id = b.workspace_id and e.page_id = b.page_id and e.no = b.no
left join core.block_embeddings as m
    on m.workspace_id = b.workspace_id and m.page_id = b.page_id and m.no = b.no and m.model = 'hashing-384'
where b.body is distinct from e.body
    or b.no > 0 and b.ver is distinct from e.ver
    or b.body <> '' and (m.text_hash is distinct from sha256(convert_to(b.body, 'UTF8')) or m.ver <> e.ver)
    or b.body = '' and m.no is not null
"""
# A queue row has one time of enqueueing for its life; an ack ends that life and leaves one history row.
TWICE = """
select page_id, no, enqueued_at, count(*) from core.indexing_done
where attempts is not null group by page_id, no, enqueued_at having count(*) > 1
"""


@dataclass
class Report:
    """What happened.

    Attributes:
        kills: by what was killed, and at which step.
        saves: acknowledged.
        done: history rows.
        problems: what should not have happened; empty when all is well.
    """

    kills: Counter[str] = field(default_factory=Counter[str])
    saves: int = 0
    done: int = 0
    problems: list[str] = field(default_factory=list[str])


class Mortal:
    """One of Quire's programs that is started again after its end."""

    def __init__(self, env: dict[str, str], log: Path) -> None:
        self._env, self._log = env, log
        self._process: subprocess.Popen[bytes] | None = None
        self.step = ""
        self.deadline = 0.0

    def start(self, module: str, *arguments: str, patience: float = PATIENCE) -> None:
        """Start it; its first argument is shown as the step."""
        self.step = arguments[0] if arguments else "at_random"
        self.deadline = time.monotonic() + patience
        with self._log.open("ab") as log:
            self._process = spawn(
                [sys.executable, "-m", module, *arguments], env=self._env, cwd=str(contract.ROOT), output=log
            )

    def ended(self) -> bool:
        """Whether it has come to its step and died of it."""
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """Kill it where it is, and wait for its end."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(30)


def kill_matrix(
    folder: Path, kills: int, *, version: int = 18, writers: int = 4, pages: int = 2, seed: int = 1
) -> Report:
    """Save and kill, let the queue run empty, look at everything.

    Args:
        folder: for the cluster and logs; as root PostgreSQL's user must be able to pass through it.
        kills: of workers, API and PostgreSQL together: a tenth each of the latter, each step of a worker in turn.
        version: of PostgreSQL.
        writers: threads that save.
        pages: that they share.
        seed: of all that is random; what happens when is not repeatable all the same.
    """
    report = Report()
    server = EmbeddedServer(folder / "data", version, settings=SERVER_SETTINGS)
    server.start()
    started: list[Mortal] = []
    threads: list[Writer] = []
    stop = threading.Event()
    try:
        server.create_database("quire")
        database = server.url("quire")
        migrate(database, log=lambda _: None)
        quickstart = ensure_quickstart(Settings.from_env({"DATABASE_URL": database}))
        port = free_port()
        env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
        env |= {
            "DATABASE_URL": database, "PORT": str(port), "QUIRE_POOL_TIMEOUT": "2",
            "QUIRE_INDEX_LEASE_SECONDS": "1", "QUIRE_WORKER_CONCURRENCY": "1", "QUIRE_INDEX_BATCH": "10",
        }  # fmt: skip
        api = Mortal(env, folder / "api.log")
        workers = [Mortal(env, folder / f"worker-{number}.log") for number in range(WORKERS)]
        started += [api, *workers]
        api.start("app.main")
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez"), 60)
        url = f"http://127.0.0.1:{port}/v1/workspaces/{quickstart.workspace_id}"
        ids = [create_page(url, quickstart.admin_token) for _ in range(pages)]
        threads += [Writer(number, url, quickstart.admin_token, ids, stop, seed) for number in range(writers)]
        for thread in threads:
            thread.start()
        _kill_in_turn(report, random.Random(seed), kills, server, api, workers)
        stop.set()
        for thread in threads:
            thread.join(150)
            report.problems += [f"{thread.name} does not end"] if thread.is_alive() else thread.problems
            report.saves += len(thread.acknowledged)
        for worker in workers:
            worker.kill()
            worker.start("worker.main")
        _check(report, database, folder)
        return report
    finally:
        stop.set()
        for process in started:
            process.kill()
        server.remove()


def _kill_in_turn(
    report: Report, chance: random.Random, kills: int, server: EmbeddedServer, api: Mortal, workers: list[Mortal]
) -> None:
    """Workers die by themselves, at one step after the other; in between API and PostgreSQL are killed."""
    others = ["api", "postgres"] * max(1, kills // 10)
    all_others = len(others)
    turn = 0

    def start(worker: Mortal) -> None:
        nonlocal turn
        worker.start("worker.tests.mortal_worker", STEPS[turn % len(STEPS)], str(chance.randint(1, 3)))
        turn += 1

    for worker in workers:
        start(worker)
    deadline = time.monotonic() + kills * PATIENCE + 60
    next_other = time.monotonic() + 1
    while sum(report.kills.values()) < kills:
        if time.monotonic() > deadline:
            report.problems.append(f"only {dict(report.kills)} in time")
            return
        for worker in workers:
            if not worker.ended() and time.monotonic() > worker.deadline:
                worker.step = "worker_at_random"
                worker.kill()
            if worker.ended():
                report.kills[worker.step] += 1
                start(worker)
        share = 1 - len(others) / all_others
        if others and time.monotonic() > next_other and sum(report.kills.values()) >= kills * share:
            kind = others.pop(0)
            if kind == "api":
                api.kill()
                api.start("app.main")
            else:
                _kill_postgres(server)
                server.start()
                for worker in workers:  # it waits for its database: not its fault
                    worker.deadline = time.monotonic() + PATIENCE
            report.kills[kind] += 1
            next_other = time.monotonic() + 1
        time.sleep(0.02)


def _kill_postgres(server: EmbeddedServer) -> None:
    assert server.pid is not None
    os.kill(server.pid, 9)
    wait_until(lambda: server.pid is None)


def _check(report: Report, database: str, folder: Path) -> None:
    with psycopg.connect(database, autocommit=True) as connection:

        def number(statement: str) -> int:
            row = connection.execute(statement.encode()).fetchone()
            assert row is not None
            return int(row[0])

        def rows(statement: str) -> list[Any]:
            return connection.execute(statement.encode()).fetchall()

        end = time.monotonic() + EMPTY_SECONDS
        while (left := number("select count(*) from core.indexing_queue")) and time.monotonic() < end:
            time.sleep(0.1)
        if left:
            some = rows("select * from core.indexing_queue limit 5")
            report.problems.append(f"{left} entries still wait, such as {some}")
        else:
            report.problems += [f"stale entry or vector (page, no, ver, entry, vector): {row}" for row in rows(STALE)]
        report.problems += [f"applied twice (page, no, enqueued, times): {row}" for row in rows(TWICE)]
        report.problems += [f"dead letter: {row}" for row in rows("select * from core.indexing_dead_letters limit 5")]
        report.done = number("select count(*) from core.indexing_done")
        counted = number("select coalesce(sum(value), 0) from core.indexing_counters where name = 'done'")
        if counted != report.done:
            report.problems.append(f"{counted} entries counted as done, {report.done} in the history")
        deadlocks = number("select deadlocks from pg_stat_database where datname = current_database()")
    # The statistics begin anew when PostgreSQL crashes, its log goes on.
    logged = sum(
        path.read_text(errors="replace").count("deadlock detected") for path in folder.glob("**/postgres*.log")
    )
    if deadlocks or logged:
        report.problems.append(f"{max(deadlocks, logged)} deadlocks")
    if report.saves == 0 or report.done == 0:
        report.problems.append(f"{report.saves} saves, {report.done} entries done: nothing was shown")

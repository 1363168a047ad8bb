"""Queues with a Python client that drain a queue of jobs without content; runs in the peers' own environment.

    python peers_python.py procrastinate|pgqueuer|pgmq CONNINFO fill COUNT
    python peers_python.py procrastinate|pgqueuer|pgmq CONNINFO drain [KEY=VALUE..]

Imports nothing of Quire's: the environment has none of it.
"""

from __future__ import annotations

import asyncio
import importlib
import json
import sys
import time
from typing import Any


class Lap:
    """As bench/queue/child.py."""

    def __init__(self) -> None:
        self.count = 0
        self.first = self.last = 0.0

    def begin(self) -> None:
        """Ready; waits for the start."""
        print("ready", flush=True)
        sys.stdin.readline()
        self.first = self.last = time.time()

    def done(self, count: int) -> None:
        """So many entries more are done."""
        if count:
            self.count += count
            self.last = time.time()

    def end(self) -> None:
        """The answer."""
        print(json.dumps({"first": self.first, "last": self.last, "count": self.count}), flush=True)


async def procrastinate(conninfo: str, count: int | None, options: dict[str, str]) -> None:
    """Stock procrastinate, one job an entry. Option: concurrency."""
    module: Any = importlib.import_module("procrastinate")
    psycopg: Any = importlib.import_module("psycopg")
    app = module.App(connector=module.PsycopgConnector(conninfo=conninfo, min_size=4, max_size=10))
    lap = Lap()

    @app.task(name="index", queue="index")
    async def index(entry: int) -> None:
        lap.done(1)

    async with app.open_async():
        if count is not None:
            with psycopg.connect(conninfo) as connection:
                there = connection.execute("select to_regclass('procrastinate_jobs')").fetchone()
            if there is None or there[0] is None:
                await app.schema_manager.apply_schema_async()
            for start in range(0, count, 1000):
                await index.batch_defer_async(*({"entry": n} for n in range(start, min(count, start + 1000))))
            return
        lap.begin()
        await app.run_worker_async(
            queues=["index"], wait=False, concurrency=int(options["concurrency"]), delete_jobs="successful",
            listen_notify=False, install_signal_handlers=False,
        )  # fmt: skip
    lap.end()


async def pgqueuer(conninfo: str, count: int | None, options: dict[str, str]) -> None:
    """PgQueuer in drain mode. Option: batch."""
    module: Any = importlib.import_module("pgqueuer")
    asyncpg: Any = importlib.import_module("asyncpg")
    drivers: Any = importlib.import_module("pgqueuer.db")
    queries: Any = importlib.import_module("pgqueuer.queries")
    types: Any = importlib.import_module("pgqueuer.types")
    connection = await asyncpg.connect(conninfo)
    driver = drivers.AsyncpgDriver(connection)
    if count is not None:
        table = queries.Queries(driver)
        if await connection.fetchval("select to_regclass('pgqueuer') is null"):
            await table.install()
        for start in range(0, count, 5000):
            many = min(5000, count - start)
            await table.enqueue(["index"] * many, [None] * many, [0] * many)
        await connection.close()
        return
    lap = Lap()
    manager = module.PgQueuer(driver)

    @manager.entrypoint("index")
    async def index(job: Any) -> None:
        lap.done(1)

    lap.begin()
    await manager.run(batch_size=int(options["batch"]), mode=types.QueueExecutionMode.drain)
    lap.end()
    await connection.close()


async def pgmq(conninfo: str, count: int | None, options: dict[str, str]) -> None:
    """pgmq's SQL functions, called as its client does but prepared. Options: batch, history (archive, not delete)."""
    psycopg: Any = importlib.import_module("psycopg")
    with psycopg.connect(conninfo, autocommit=True) as connection:
        if count is not None:
            if connection.execute("select to_regnamespace('pgmq') is null").fetchone()[0]:
                files: Any = importlib.import_module("importlib.resources")
                connection.execute(files.files("pgmq").joinpath("sql/pgmq.sql").read_text())
                connection.execute("select pgmq.create('index')")
            connection.execute(
                "select count(*) from pgmq.send_batch('index',"
                " array(select jsonb_build_object('entry', n) from generate_series(1, %s) as n))",
                [count],
            )
            return
        finish = "archive" if options.get("history") == "yes" else "delete"
        lap = Lap()
        lap.begin()
        while True:
            rows = connection.execute(
                "select msg_id from pgmq.read('index', 60, %s)", [int(options["batch"])], prepare=True
            ).fetchall()
            if not rows:
                break
            done = connection.execute(
                f"select count(*) from pgmq.{finish}('index', %s::bigint[])",  # noqa: S608 - two words
                [[row[0] for row in rows]],
                prepare=True,
            ).fetchone()
            lap.done(done[0])
        lap.end()


if __name__ == "__main__":
    name, conninfo, what, *rest = sys.argv[1:]
    given = dict(option.split("=", 1) for option in rest) if what == "drain" else {}
    asyncio.run(
        {"procrastinate": procrastinate, "pgqueuer": pgqueuer, "pgmq": pgmq}[name](
            conninfo, int(rest[0]) if what == "fill" else None, given
        )
    )

"""What is compared by bench/queue_throughput.py: each fills its queue, and drains it in processes of its own."""

# pyright: reportUnknownLambdaType=false, reportUnknownArgumentType=false

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Connection
from bench.queue import installs, raw, stock
from bench.queue.race import race
from db.embedded import EmbeddedServer

_HERE = Path(__file__).parent
_VECTOR_MODEL = "bench-vectors"
HOW = ["flushed", "claims_not_flushed"]  # a claim that a crash loses was none: an ack has to be durable, it need not
Fill = Callable[[], None]
Drain = Callable[[Any], float]


@dataclass
class Contender:
    """One queue, in one way of use.

    Attributes:
        count: entries of a run.
        fill: puts them into the queue.
        drain: takes them out, with an option; entries a second.
        options: that are tried once, the best is kept; shown in the result.
        history: whether something is kept of each finished entry.
    """

    name: str
    count: int
    fill: Fill
    drain: Drain
    options: list[Any]
    history: bool
    tried: dict[str, float] = field(default_factory=dict[str, float])

    def run(self, option: Any) -> float:
        """Fill, drain."""
        self.fill()
        return self.drain(option)


def of_quire(server: EmbeddedServer, connection: Connection, count: int, vectors: int) -> list[Contender]:
    """With the history row as shipped, without it, and with new texts whose vectors are written."""
    url = server.url("quire")
    # while there are no vectors yet: later it would take a `quire reembed`
    connection.execute("select indexing.ensure_model(%s, %s)", [_VECTOR_MODEL, stock.DIMENSIONS])
    (workspace,) = stock.make_blocks(connection, count)
    stock.mark_indexed(connection, workspace)
    (edited,) = stock.make_blocks(connection, vectors)
    definition = stock.ack_definition(connection)
    changed = stock.without_history(definition)

    def fill() -> None:
        connection.execute("vacuum core.indexing_queue")
        stock.enqueue(connection, workspace)
        connection.execute("checkpoint")

    def edit() -> None:
        stock.edit_all(connection, edited)
        stock.enqueue(connection, edited)
        connection.execute("checkpoint")

    def drain(many: int, model: str = stock.MODEL, option: tuple[int, int] = (1, 100)) -> float:
        concurrency, batch = option
        return race(
            [[sys.executable, "-m", "bench.queue.ours", url, str(concurrency), model]] * 2,
            *(many, {"QUIRE_INDEX_BATCH": str(batch)}),
        )

    def bare(option: tuple[int, int]) -> float:
        assert changed is not None
        connection.execute(changed.encode())
        try:
            return drain(count, option=option)
        finally:
            connection.execute(definition.encode())

    # Of 100, the default, beside the raw loop's batches of 100; larger ones beside what others are tuned to.
    of_100, larger = [(1, 100), (2, 100), (3, 100)], [(1, 500), (1, 1000), (2, 1000)]
    made: list[Contender] = []
    for name, options in (("quire", of_100), ("quire_tuned", larger)):
        made.append(Contender(name, count, fill, lambda option: drain(count, option=option), options, True))
        if changed is not None:
            made.append(Contender(f"{name}_no_history", count, fill, bare, options, False))
    made.append(
        Contender(
            *(
                "quire_with_vectors",
                vectors,
                edit,
                lambda option: drain(vectors, _VECTOR_MODEL, option),
                [(2, 100)],
                True,
            )
        )
    )
    return made


def of_raw(server: EmbeddedServer, connection: Connection, count: int) -> list[Contender]:
    """The raw SQL loop, by one connection and by two, without and with a history row."""
    connection.execute(raw.TABLES)

    def fill() -> None:
        connection.execute("vacuum raw.queue")
        connection.execute("truncate raw.done")
        connection.execute(raw.FILL, [count])
        connection.execute("vacuum analyze raw.queue")  # or each claim sorts the table
        connection.execute("checkpoint")

    def drain(connections: int, history: str, how: str) -> float:
        command = [sys.executable, "-m", "bench.queue.raw", server.url("quire"), history, how]
        return race([command] * connections, count)

    return [
        Contender(
            *(f"raw_{connections}{suffix}", count, fill),
            *(lambda how, connections=connections, history=history: drain(connections, history, how), HOW),
            history == "history",
        )
        for connections in (1, 2)
        for history, suffix in (("history", ""), ("no_history", "_no_history"))
    ]


def of_python(server: EmbeddedServer, count: int, procrastinate_count: int) -> list[Contender]:
    """procrastinate, PgQueuer, pgmq. Raises installs.NotInstalled."""
    python = str(installs.python(*installs.PYTHON))

    def contender(name: str, program: str, many: int, options: list[list[str]], history: bool) -> Contender:
        server.create_database(program)
        url = server.url(program)
        command = [python, str(_HERE / "peers_python.py"), program, url]

        def fill() -> None:
            _quietly([*command, "fill", str(many)])
            _settle(url)

        return Contender(
            *(name, many, fill, lambda option: race([[*command, "drain", *option]] * 2, many), options, history)
        )

    return [
        contender(
            "procrastinate", "procrastinate", procrastinate_count, [[f"concurrency={n}"] for n in (5, 20, 60)], False
        ),
        contender("pgqueuer", "pgqueuer", count, [[f"batch={n}"] for n in (100, 500, 2000)], True),
        contender("pgmq", "pgmq", count, [[f"batch={n}"] for n in (100, 1000)], False),
        contender("pgmq_archive", "pgmq", count, [[f"batch={n}", "history=yes"] for n in (100, 1000)], True),
    ]


def of_graphile(server: EmbeddedServer, count: int) -> list[Contender]:
    """graphile-worker at its best: a local queue of 500, batched completes. Raises installs.NotInstalled."""
    node, env = installs.node(), {"PEERS": str(installs.node_packages())}
    server.create_database("graphile")
    url = server.url("graphile")
    command = [node, str(_HERE / "graphile.mjs"), url]

    def fill() -> None:
        _quietly([*command, "fill", str(count)], env)
        _settle(url)

    def drain(option: tuple[int, int, int]) -> float:
        processes, jobs, delay = option
        worker = {
            "concurrentJobs": jobs, "localQueue": {"size": 500}, "completeJobBatchDelay": delay,
            "failJobBatchDelay": delay,
        }  # fmt: skip
        return race([[*command, "drain", json.dumps(worker)]] * processes, count, env)

    options = [(1, 24, 0), (2, 24, 0), (1, 200, 0), (2, 500, 5)]
    return [Contender("graphile_worker", count, fill, drain, options, False)]


@contextmanager
def of_bullmq(count: int) -> Generator[list[Contender]]:
    """BullMQ on a Redis that flushes each write, and on one that keeps nothing. Raises installs.NotInstalled."""
    node, env = installs.node(), {"PEERS": str(installs.node_packages())}
    program = installs.redis()
    servers: list[subprocess.Popen[bytes]] = []
    made: list[Contender] = []
    with tempfile.TemporaryDirectory(prefix="quire-redis-") as name:
        try:
            for kind, arguments in (
                ("bullmq_durable", ["--appendonly", "yes", "--appendfsync", "always"]),
                ("bullmq_not_durable", ["--appendonly", "no"]),
            ):
                where = Path(name) / kind
                where.mkdir()
                socket = str(where / "s")
                common = [program, "--port", "0", "--unixsocket", socket, "--dir", str(where), "--save", ""]
                servers.append(subprocess.Popen([*common, *arguments], stdout=subprocess.DEVNULL))
                command = [node, str(_HERE / "bullmq.mjs"), socket]

                def drain(option: tuple[int, int], command: list[str] = command) -> float:
                    return race([[*command, "drain", str(option[1])]] * option[0], count, env)

                def fill(command: list[str] = command) -> None:
                    _quietly([*command, "fill", str(count)], env)

                made.append(Contender(kind, count, fill, drain, [(2, 100), (1, 200), (1, 500), (1, 1000)], False))
            time.sleep(0.5)
            yield made
        finally:
            for each in servers:
                each.terminate()
            for each in servers:
                each.wait(20)


def peer_versions() -> dict[str, str]:
    """Of what is installed."""
    found: dict[str, str] = {}
    try:
        have = installs.versions()
        names = ("procrastinate", "pgqueuer", "pgmq", "asyncpg", "psycopg")
        found = {name: have[name] for name in names if name in have}
        found |= {name: installs.node_version(name) for name in ("graphile-worker", "bullmq", "ioredis")}
        found["node"] = subprocess.run([installs.node(), "--version"], capture_output=True, text=True).stdout.strip()
        shown = subprocess.run([installs.redis(), "--version"], capture_output=True, text=True).stdout.split()
        found["redis"] = " ".join(shown[:3])
    except (installs.NotInstalled, OSError) as error:
        found["not_all"] = str(error)
    return found


def _settle(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("vacuum analyze")
        connection.execute("checkpoint")


def _quietly(command: list[str], env: dict[str, str] | None = None) -> None:
    done = subprocess.run(
        command, env={**os.environ, **(env or {})}, capture_output=True, text=True, timeout=600, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr[-1500:]}")

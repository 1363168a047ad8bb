"""Does a save wait for the queue? Its latency with an empty queue, a deep one, and with the embedding provider down.

    python -m bench.degradation [--pages 100] [--blocks 1000] [--saves 300] [--rounds 3]

A throwaway server with production's durability, one connection that calls api.patch_page, a save every 20 ms: each
replaces the text of a random block of one of ten pages. Four states, interleaved: `empty` (nothing waits at its begin),
`deep` (every block of the other pages waits: 100,000 entries; no worker, so none goes), `indexing` (the same, and a
worker with the built-in embedder that works them off on the same machine), `provider_down` (the same, a worker whose
provider refuses connections, measured once the text of all is written, which the worker does first; from then on it
writes the text of new saves, and asks with one batch whenever it may). The ratios are of the medians of the rounds. The
result goes to bench/results/degradation.json; exit code 1 when a save takes more than 1.5 times as long with a deep
queue, or more than twice as long with the provider down, as with an empty queue, in the median or at p95. `indexing`
has no limit: it shares the CPU.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
import uuid
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from app.tests.processes import running_worker, wait_until
from bench.harness import (
    ACTOR,
    WORKSPACE,
    Connection,
    at_most,
    create_page,
    document,
    durable_server,
    make_workspace,
    median,
    run,
    sentence,
    shown_settings,
)
from bench.queue.stock import one
from db.embedded import EmbeddedServer

STATES = ("empty", "deep", "indexing", "provider_down")
MOST_DEEP, MOST_DOWN = 1.5, 2.0  # times the latency with an empty queue, at p50 and p95
PAUSE_SECONDS = 0.02
WARM_SAVES = 20  # not counted
WORKERS = {
    "indexing": {"QUIRE_EMBEDDER": "hashing"},
    "provider_down": {
        "QUIRE_EMBEDDER": "openai",
        "QUIRE_EMBEDDING_URL": "http://127.0.0.1:9/v1",  # the port that discards: nobody listens
        "QUIRE_EMBEDDING_MODEL": "bench-model",
        "QUIRE_EMBEDDING_DIMENSIONS": "384",
    },
}
BEGUN = {
    "indexing": "select count(*) from core.block_embeddings",
    "provider_down": (
        "select (select count(*) from core.indexing_breakers where outages > 0)"
        " * ((select count(*) from core.search_entries) >= (select count(*) from core.blocks))::integer"
    ),
}
SAVED_PAGES = 10
DEEP = (
    "insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)"
    " select workspace_id, page_id, no, now(), now() from core.blocks where page_id <> all(%s)"
)


def fill(connection: Connection, state: str, saved: list[uuid.UUID]) -> None:
    """The queue as a state begins; blocks of the pages that are saved do not wait."""
    connection.execute("truncate core.indexing_queue, core.indexing_leases, core.indexing_breakers")
    connection.execute("truncate core.search_entries, core.block_embeddings, core.page_snapshots_due")
    if state != "empty":
        connection.execute(DEEP, [saved])
    connection.execute("analyze core.indexing_queue")
    connection.execute("checkpoint")


def save(connection: Connection, page: uuid.UUID, block: int, text: str) -> float:
    """Milliseconds of one save."""
    patch = json.dumps([{"op": "replace", "path": f"/blocks/{block}/data/text", "value": text}])
    began = time.perf_counter()
    connection.execute(
        "select * from api.patch_page(%s, %s, %s, '{*}', null, %s, 'patch', 100::smallint, 'minimal')",
        [WORKSPACE, ACTOR, page, patch],
    )
    return (time.perf_counter() - began) * 1000


def one_run(
    server: EmbeddedServer, args: argparse.Namespace, chance: random.Random, pages: list[uuid.UUID], state: str
) -> dict[str, float]:
    """The saves of one state of one round, on a connection of their own."""
    with ExitStack() as stack:
        connection = stack.enter_context(psycopg.connect(server.url("quire"), autocommit=True))
        fill(connection, state, pages)
        if state in WORKERS:
            log = Path(stack.enter_context(tempfile.TemporaryDirectory())) / "worker.log"
            stack.enter_context(running_worker(server.url("quire"), log, **WORKERS[state]))
            wait_until(lambda: one(connection, BEGUN[state]), 300)
        taken: list[float] = []
        for _ in range(WARM_SAVES + args.saves):
            page, block = chance.choice(pages), chance.randrange(args.blocks)
            taken.append(save(connection, page, block, sentence(chance, 70)))
            time.sleep(PAUSE_SECONDS)
        taken = sorted(taken[WARM_SAVES:])
        depth = one(connection, "select count(*) from core.indexing_queue")
        dead = one(connection, "select count(*) from core.indexing_dead_letters")
    least = {"empty": 0, "indexing": 1}.get(state, args.pages * args.blocks)
    if dead or depth < least:
        raise RuntimeError(f"{state}: {depth} entries wait, {dead} are dead; {least} have to wait: make it deeper")
    return {
        "p50_ms": round(taken[len(taken) // 2], 2),
        "p95_ms": round(taken[int(len(taken) * 0.95)], 2),
        "longest_ms": round(taken[-1], 2),
        "waiting_afterwards": depth,
    }


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Populate, run the rounds; the result as it is written."""
    chance = random.Random(args.seed)
    with (
        durable_server(args.version) as server,
        psycopg.connect(server.url("quire"), autocommit=True) as connection,
    ):
        given = shown_settings(connection, args)
        make_workspace(connection)
        pages = [create_page(connection, document(chance, args.blocks)) for _ in range(SAVED_PAGES + args.pages)]
        connection.execute("vacuum analyze")
        rounds: dict[str, list[dict[str, float]]] = {state: [] for state in STATES}
        for number in range(args.rounds):
            for state in STATES[number % len(STATES) :] + STATES[: number % len(STATES)]:
                figures = one_run(server, args, chance, pages[:SAVED_PAGES], state)
                rounds[state].append(figures)
                print(f"round {number + 1}", state, figures, flush=True)
    medians = {
        state: {key: median(figures[key] for figures in each) for key in ("p50_ms", "p95_ms")}
        for state, each in rounds.items()
    }
    to_empty = {
        state: {key: round(each[key] / medians["empty"][key], 2) for key in each} for state, each in medians.items()
    }
    return {
        "settings": given,
        "median": medians,
        "to_empty": to_empty,
        "rounds": rounds,
        "limits": {
            f"{state}_{key}_to_empty": at_most(to_empty[state][f"{key}_ms"], most)
            for state, most in (("deep", MOST_DEEP), ("provider_down", MOST_DOWN))
            for key in ("p50", "p95")
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.degradation", description=main.__doc__)
    parser.add_argument("--pages", type=int, default=100, help="whose blocks all wait in a deep queue")
    parser.add_argument("--blocks", type=int, default=1000, help="of each page")
    parser.add_argument("--saves", type=int, default=300, help="counted, of each state in each round")
    parser.add_argument("--rounds", type=int, default=3)
    return run("degradation", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

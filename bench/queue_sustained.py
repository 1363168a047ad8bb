"""How deep does the queue get under a load of 70 % of what two workers can do?

    python -m bench.queue_sustained [--seconds 300] [--share 0.7] [--workers 2] [--rounds 3] [--spread-rate 250]

A throwaway server with production's durability, and `python -m worker.main` as it is started by `quire worker`, with
default settings and the built-in embedder. Capacity: for `--capacity-seconds` a quarter to a half of `--blocks` wait,
with new texts; how many are done in a second. Then for `--seconds` blocks are given new texts and queued at that share
of it, a tenth of a second's at once in a transaction, the pages in turn, each followed by the wake-up that the API
sends. The depth (waiting or in flight) is looked at each second. Writing vectors is part of it. Each round measures the
capacity anew; figures are medians of the rounds.

Those edits come back to the same blocks within a minute, so that their vectors stay fresh. A last run, `spread`, edits
100,000 other blocks in turn, none twice, at the rate of 500 users who save 30 times a minute: nearly every vector
settles into the HNSW index a minute later, beside the load. Afterwards, with the workers gone, one connection settles
what is left: `settled_a_second`. The result goes to bench/results/queue_sustained.json; exit code 1 when the 99th
percentile of a depth is 1,000 or more.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from app.tests.processes import running_worker
from bench.harness import Connection, at_least, at_most, durable_server, median, run, shown_settings
from bench.queue import stock

MOST_DEPTH = 999
STEP = 0.1  # seconds
DEPTH = "select count(*) from core.indexing_queue"
DONE = "select coalesce(sum(value), 0)::bigint from core.indexing_counters where name = 'done'"
FRESH = "select count(*) from core.block_embeddings where vec is null"
SETTLED = 3_000  # for settled_a_second


def save(connection: Connection, workspace: uuid.UUID, page: uuid.UUID, blocks: range) -> None:
    """New texts in some blocks of a page, queued in the same transaction, and the wake-up after it."""
    with connection.transaction():
        connection.execute(
            "update core.blocks set data = jsonb_build_object('text', 'edited text ' || gen_random_uuid()),"
            " ver = ver + 1 where workspace_id = %s and page_id = %s and no between %s and %s",
            [workspace, page, blocks.start, blocks.stop - 1],
        )
        connection.execute(
            "select core.enqueue_blocks(%s, %s, %s::integer[], '{}', 100::smallint)", [workspace, page, list(blocks)]
        )
    connection.execute("select api.wake_indexing()")


def capacity(connection: Connection, workspace: uuid.UUID, pages: list[uuid.UUID], seconds: float) -> float:
    """Entries a second that are done while the queue is kept from being empty: a short backlog says little."""
    turns = itertools.cycle(pages)
    least, most = len(pages) * stock.PAGE_BLOCKS // 4, len(pages) * stock.PAGE_BLOCKS // 2

    def fill(depth: int) -> None:
        for _ in range((most - depth) // stock.PAGE_BLOCKS):
            save(connection, workspace, next(turns), range(1, stock.PAGE_BLOCKS))

    fill(0)
    began, before = time.monotonic(), stock.one(connection, DONE)
    while (passed := time.monotonic() - began) < seconds:
        if (depth := stock.one(connection, DEPTH)) < least:
            fill(depth)
        time.sleep(STEP)
    done = stock.one(connection, DONE) - before
    while stock.one(connection, DEPTH):
        time.sleep(STEP)
    return done / passed


def load(url: str, workspace: uuid.UUID, pages: list[uuid.UUID], rate: float, seconds: float) -> int:
    """Save at a rate, the pages in turn, each time other blocks of them; how many blocks."""
    first = dict.fromkeys(pages, 1)
    turns = itertools.cycle(pages)
    done = 0
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if (due := int(rate * passed) - done) <= 0:
                time.sleep(STEP)
                continue
            page = next(turns)
            blocks = range(first[page], min(first[page] + due, stock.PAGE_BLOCKS))
            first[page] = blocks.stop if blocks.stop < stock.PAGE_BLOCKS else 1
            save(connection, workspace, page, blocks)
            done += len(blocks)
            if due == len(blocks):
                time.sleep(STEP)
    return done


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Capacity and load, the spread load, settling; the result as it is written."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(durable_server(args.version))
        url = server.url("quire")
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        given = shown_settings(connection, args)
        (hot,) = stock.make_blocks(connection, args.blocks)
        (wide,) = stock.make_blocks(connection, args.spread_blocks)
        stock.mark_indexed(connection, hot, vectors=False)
        stock.mark_indexed(connection, wide, vectors=False)
        settle_at_once(connection, wide)
        connection.execute("vacuum analyze")
        with ExitStack() as working:
            for number in range(args.workers):
                working.enter_context(running_worker(url, folder / f"worker-{number}.log"))
            time.sleep(5)
            # A start queues what has no vector yet, the hot stock: measured are edits.
            while stock.one(connection, DEPTH):
                time.sleep(0.2)
            rounds: list[dict[str, Any]] = []
            for number in range(args.rounds):
                rounds.append(one_round(connection, url, hot, args))
                shown = {name: value for name, value in rounds[-1].items() if name != "depths"}
                print(f"round {number + 1}", shown, flush=True)
            spread = measured_load(url, wide, pages_of(connection, wide), args.spread_rate, args.spread_seconds)
            spread["fresh_at_the_end"] = stock.one(connection, FRESH)
            print("spread", {name: value for name, value in spread.items() if name != "depths"}, flush=True)
        settled = settle(connection)
    p99 = median((each["depth"]["p99"] for each in rounds), 0)
    offered = median(each["offered_a_second"] / (each["capacity_a_second"] * args.share) for each in rounds)
    return {
        "settings": given,
        "median": {
            "capacity_a_second": median(each["capacity_a_second"] for each in rounds),
            "depth_p99": p99,
            "depth_median": median((each["depth"]["median"] for each in rounds), 0),
        },
        "settled_a_second": settled,
        "rounds": rounds,
        "spread": spread,
        "limits": {
            "depth_p99": at_most(p99, MOST_DEPTH),
            "offered_of_wanted": at_least(round(offered, 2), 0.95),
            "spread_depth_p99": at_most(spread["depth"]["p99"], MOST_DEPTH),
            "spread_offered_of_wanted": at_least(round(spread["offered_a_second"] / args.spread_rate, 2), 0.95),
        },
    }


def settle_at_once(connection: Connection, workspace: uuid.UUID) -> None:
    """Random vectors of a workspace's blocks, all in the index, which is built after them: it is faster so."""
    index = stock.one(connection, "select pg_get_indexdef('core.block_embeddings_hashing_384_ix'::regclass)")
    connection.execute("drop index core.block_embeddings_hashing_384_ix")
    connection.execute(
        "insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)"
        " select b.workspace_id, b.page_id, b.no, 'hashing-384', b.ver, sha256(convert_to(b.body, 'UTF8')),"
        " (select array_agg(random() - 0.5)::real[] from generate_series(1, 384) as n where b.no >= 0)::public.vector"
        " from core.indexable_blocks as b where b.workspace_id = %s",
        [workspace],
    )
    with connection.transaction():
        connection.execute("set local maintenance_work_mem = '1GB'")
        connection.execute(index.encode())


def settle(connection: Connection) -> float:
    """Fresh vectors that one connection settles in a second."""
    connection.execute("update core.block_embeddings set fresh_since = '-infinity' where vec is null")
    settled, began = 0, time.monotonic()
    while settled < SETTLED:
        row = connection.execute("select settled, more from indexing.settle_vectors(50)").fetchone()
        assert row is not None
        settled += row[0]
        if not row[1]:
            break
    return round(settled / (time.monotonic() - began), 1)


def pages_of(connection: Connection, workspace: uuid.UUID) -> list[uuid.UUID]:
    """Ids."""
    return [row[0] for row in connection.execute("select id from core.pages where workspace_id = %s", [workspace])]


def one_round(connection: Connection, url: str, workspace: uuid.UUID, args: argparse.Namespace) -> dict[str, Any]:
    """Capacity, then the load."""
    pages = pages_of(connection, workspace)
    most = capacity(connection, workspace, pages, args.capacity_seconds)
    print(f"capacity: {most:.0f} a second", flush=True)
    return {
        "capacity_a_second": round(most, 1),
        **measured_load(url, workspace, pages, most * args.share, args.seconds),
    }


def measured_load(
    url: str, workspace: uuid.UUID, pages: list[uuid.UUID], rate: float, seconds: float
) -> dict[str, Any]:
    """A load and the depth under it, second by second."""
    depths: list[int] = []
    stop = threading.Event()

    def sample() -> None:
        with psycopg.connect(url, autocommit=True) as own:
            while not stop.wait(1):
                depths.append(stock.one(own, DEPTH))

    with ThreadPoolExecutor(1) as threads:
        sampling = threads.submit(sample)
        try:
            saved = load(url, workspace, pages, rate, seconds)
        finally:
            stop.set()
        sampling.result()
    ordered = sorted(depths)
    return {
        "offered_a_second": round(saved / seconds, 1),
        "depth": {
            "median": ordered[len(ordered) // 2],
            "p99": ordered[int(len(ordered) * 0.99)],
            "most": ordered[-1],
            "last": depths[-1],
        },
        "depths": depths,
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_sustained", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--share", type=float, default=0.7, help="of the capacity")
    parser.add_argument("--workers", type=int, default=2, help="processes")
    parser.add_argument("--blocks", type=int, default=20_000, help="that are edited in turn")
    parser.add_argument("--spread-blocks", type=int, default=100_000, help="of the last run")
    parser.add_argument("--spread-rate", type=float, default=250, help="edits a second of the last run")
    parser.add_argument("--spread-seconds", type=float, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--capacity-seconds", type=float, default=60)
    return run("queue_sustained", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

"""How deep does the queue get under a load of 70 % of what two workers can do?

    python -m bench.queue_sustained [--seconds 300] [--share 0.7] [--workers 2] [--rounds 3]

A throwaway server with production's durability, and `python -m worker.main` as it is started by `quire worker`, with
default settings and the built-in embedder. Capacity: `--capacity-entries` blocks with new texts wait; their number by
the seconds until none does. Then for `--seconds` blocks are given new texts and queued at that share of it, a tenth
of a second's at once in a transaction, the pages in turn, each followed by the wake-up that the API sends. The depth
(waiting or in flight) is looked at each second. Writing vectors is part of it. Each round measures the capacity anew;
figures are medians of the rounds. The result goes to bench/results/queue_sustained.json; exit code 1 when the 99th
percentile of the depth is 1,000 or more.
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


def save(connection: Connection, workspace: uuid.UUID, page: uuid.UUID, blocks: int) -> None:
    """New texts in some blocks of a page, queued in the same transaction, and the wake-up after it."""
    with connection.transaction():
        connection.execute(
            "update core.blocks set data = jsonb_build_object('text', 'edited text ' || gen_random_uuid()),"
            " ver = ver + 1 where workspace_id = %s and page_id = %s and no <= %s",
            [workspace, page, blocks],
        )
        connection.execute(
            "select core.enqueue_blocks(%s, %s, array(select generate_series(1, %s::integer)), '{}', 100::smallint)",
            [workspace, page, blocks],
        )
    connection.execute("select api.wake_indexing()")


def capacity(connection: Connection, workspace: uuid.UUID, pages: list[uuid.UUID]) -> float:
    """Entries a second of a queue that is filled at once."""
    began = time.monotonic()
    for page in pages:
        save(connection, workspace, page, stock.PAGE_BLOCKS - 1)
    while stock.one(connection, DEPTH):
        time.sleep(0.05)
    return len(pages) * (stock.PAGE_BLOCKS - 1) / (time.monotonic() - began)


def load(url: str, workspace: uuid.UUID, pages: list[uuid.UUID], rate: float, seconds: float) -> int:
    """Save at a rate; how many blocks."""
    turns = itertools.cycle(pages)
    done = 0
    with psycopg.connect(url, autocommit=True) as connection:
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            if (due := int(rate * passed) - done) <= 0:
                time.sleep(STEP)
                continue
            blocks = min(due, stock.PAGE_BLOCKS - 1)
            save(connection, workspace, next(turns), blocks)
            done += blocks
            if due == blocks:
                time.sleep(STEP)
    return done


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Capacity, load; the result as it is written."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(durable_server(args.version))
        url = server.url("quire")
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        given = shown_settings(connection, args)
        (workspace,) = stock.make_blocks(connection, args.blocks)
        stock.mark_indexed(connection, workspace, vectors=False)
        connection.execute("vacuum analyze")
        for number in range(args.workers):
            stack.enter_context(running_worker(url, folder / f"worker-{number}.log"))
        time.sleep(5)
        # A start queues what has no vector yet, the whole stock: measured are edits.
        while stock.one(connection, DEPTH):
            time.sleep(0.2)
        pages = [row[0] for row in connection.execute("select id from core.pages where workspace_id = %s", [workspace])]
        rounds: list[dict[str, Any]] = []
        for number in range(args.rounds):
            rounds.append(one_round(connection, url, workspace, pages, args))
            print(
                f"round {number + 1}", {name: rounds[-1][name] for name in rounds[-1] if name != "depths"}, flush=True
            )
    p99 = median((each["depth"]["p99"] for each in rounds), 0)
    offered = median(each["offered_a_second"] / (each["capacity_a_second"] * args.share) for each in rounds)
    return {
        "settings": given,
        "median": {"capacity_a_second": median(each["capacity_a_second"] for each in rounds), "depth_p99": p99},
        "rounds": rounds,
        "limits": {
            "depth_p99": at_most(p99, MOST_DEPTH),
            "offered_of_wanted": at_least(round(offered, 2), 0.95),
        },
    }


def one_round(
    connection: Connection, url: str, workspace: uuid.UUID, pages: list[uuid.UUID], args: argparse.Namespace
) -> dict[str, Any]:
    """Capacity, then the load."""
    some = itertools.islice(itertools.cycle(pages), args.capacity_entries // stock.PAGE_BLOCKS)
    most = capacity(connection, workspace, list(some))
    print(f"capacity: {most:.0f} a second", flush=True)
    depths: list[int] = []
    stop = threading.Event()

    def sample() -> None:
        with psycopg.connect(url, autocommit=True) as own:
            while not stop.wait(1):
                depths.append(stock.one(own, DEPTH))

    with ThreadPoolExecutor(1) as threads:
        sampling = threads.submit(sample)
        try:
            saved = load(url, workspace, pages, most * args.share, args.seconds)
        finally:
            stop.set()
        sampling.result()
    ordered = sorted(depths)
    return {
        "capacity_a_second": round(most, 1),
        "offered_a_second": round(saved / args.seconds, 1),
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
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--capacity-entries", type=int, default=10_000)
    return run("queue_sustained", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

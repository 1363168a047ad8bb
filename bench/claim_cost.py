"""What does a claim cost at depth, and while somebody else holds an old snapshot open?

    python -m bench.claim_cost [--depths 1000 100000 1000000] [--hold-seconds 600] [--compare-seconds 60] [--rounds 3]

A throwaway server with production's durability and Quire's own drains in processes. Depth: batches of 100 are claimed
and acked from the head of a queue of so many entries; buffers are those of core.indexing_queue and its indexes, read or
hit, a batch of claim and ack; milliseconds are those of the claim as the worker waits for it. Old snapshot: another
connection keeps a REPEATABLE READ transaction open while a producer queues entries as fast as they are done and two
workers drain, once for `--hold-seconds`; rate, buffers a batch and milliseconds a claim in the first and the last five
seconds, and the same, for `--compare-seconds`, without the snapshot and for a raw SQL loop (bench/queue/raw.py).
Buffers are all that the draining sessions touch, of blocks and entries too (PostgreSQL 18; they say so at most once a
second). A block that is queued again and again under the snapshot costs its savers more each time, for its key has that
many dead rows: `--blocks` are queued in turn. The result goes to bench/results/claim_cost.json; exit code 1 when
something is not flat within 2x.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import Connection, at_least, at_most, durable_server, median, run, shown_settings
from bench.queue import raw, stock
from bench.queue.child import PROGRESS, progress
from bench.queue.race import laps
from db.embedded import EmbeddedServer

BATCHES = 30
LOAD = 5_000  # entries kept waiting while the snapshot is held
WINDOW = 5.0  # seconds
MOST = 2.0
_QUEUE, _RAW = "core.indexing_queue", "raw.queue"


def buffers(connection: Connection, table: str) -> int:
    """Of a table and its indexes, since the statistics began."""
    return stock.one(
        connection,
        "select coalesce(sum(heap_blks_read + heap_blks_hit + idx_blks_read + idx_blks_hit), 0)::bigint"
        " from pg_statio_all_tables where relid = %s::regclass",
        table,
    )


def drain_buffers(connection: Connection) -> int | None:
    """That the sessions of the drains have touched so far, of whatever; None before PostgreSQL 18."""
    if connection.info.server_version < 180000:
        return None
    return stock.one(
        connection,
        "select coalesce(sum(io.reads + io.hits), 0)::bigint from pg_stat_activity as a"
        " cross join lateral pg_stat_get_backend_io(a.pid) as io where a.application_name = 'bench-drain'",
    )


def at_depth(server: EmbeddedServer, connection: Connection, workspace: uuid.UUID, depth: int) -> dict[str, float]:
    """Some batches off the head of a queue so deep."""
    connection.execute("truncate core.indexing_queue")
    queued = stock.enqueue(connection, workspace, limit=min(depth, BATCHES * 110))
    connection.execute(  # behind them: blocks that are no longer there
        "insert into core.indexing_queue (workspace_id, page_id, no, priority, run_at, enqueued_at)"
        " select %s, gen_random_uuid(), 1, 100, now(), now() from generate_series(1, %s)",
        [workspace, max(0, depth - queued)],
    )
    connection.execute("vacuum analyze core.indexing_queue")
    connection.execute("checkpoint")
    batches = min(BATCHES, depth // 200)
    before = buffers(connection, _QUEUE)
    command = [sys.executable, "-m", "bench.queue.ours", server.url("quire"), "1", stock.MODEL, f"batches={batches}"]
    (lap,) = laps([command])
    time.sleep(1.2)  # what has ended has told the statistics
    done = len(lap["claims"])
    return {
        "batches": done,
        "buffers_a_batch": round((buffers(connection, _QUEUE) - before) / done, 1),
        "claim_ms": median((ms for _, ms in lap["claims"][1:]), 2),
    }


def produce_ours(connection: Connection, workspace: uuid.UUID) -> Callable[[], int]:
    """Queues ten pages in turn, as saves do; how many entries."""
    pages = [row[0] for row in connection.execute("select id from core.pages where workspace_id = %s", [workspace])]
    turns = itertools.cycle(pages)

    def some() -> int:
        for page in itertools.islice(turns, 10):
            connection.execute(
                "select core.enqueue_blocks(p.workspace_id, p.id, array_prepend(0, p.block_order), '{}',"
                " 100::smallint) from core.pages as p where p.workspace_id = %s and p.id = %s",
                [workspace, page],
            )
        return 10 * stock.PAGE_BLOCKS

    return some


def produce_raw(connection: Connection) -> Callable[[], int]:
    """Adds rows for the raw loop; how many."""
    numbers = itertools.count(1, 1000)

    def some() -> int:
        first = next(numbers)
        connection.execute(
            "insert into raw.queue (id, workspace_id) select n, mod(n, 10)"
            " from generate_series(%s::bigint, %s::bigint) as n",
            [first, first + 999],
        )
        return 1000

    return some


def churn(
    server: EmbeddedServer, commands: list[list[str]], table: str, seconds: float, held: bool,
    producer: Callable[[Connection], Callable[[], int]],
) -> dict[str, Any]:  # fmt: skip
    """Producer and consumers for some time, with or without an old snapshot; figures of the first and last window."""
    url, stop = server.url("quire"), threading.Event()
    window = min(WINDOW, seconds / 2)
    samples: list[tuple[float, int, int | None]] = []

    def sample() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.wait(max(0.25, window / 10)):
                samples.append((time.time(), buffers(connection, table), drain_buffers(connection)))

    def produce(folder: Path) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            some, made = producer(connection), 0
            while not stop.is_set():
                if made - progress(folder) < LOAD:
                    made += some()
                else:
                    stop.wait(0.005)

    with tempfile.TemporaryDirectory() as name, psycopg.connect(url) as holder, ThreadPoolExecutor(2) as threads:
        if held:
            holder.execute("set transaction isolation level repeatable read")
            holder.execute("select 1 from pg_class limit 1")
        running = [threads.submit(sample), threads.submit(produce, Path(name))]
        time.sleep(0.5)
        try:
            done = laps(commands, {PROGRESS: name}, timeout=seconds + 120)
        finally:
            stop.set()
        for each in running:
            each.result()
    begin = min(each["first"] for each in done)
    figures: dict[str, Any] = {}
    # the very first moments warm up: connections, caches
    for name, start in (("first", begin + min(1.0, window / 2)), ("last", begin + seconds - window)):
        end = start + window
        acks = [count for each in done for at, count in each["acks"] if start <= at < end]
        claim_ms = [ms for each in done for at, ms in each["claims"] if start <= at < end]
        inside = [both for at, *both in samples if start <= at < end]
        batches = len([count for count in acks if count])
        figures[name] = {
            "entries_a_second": round(sum(acks) / window),
            "buffers_a_batch": a_batch([of_drains for _, of_drains in inside], batches),
            "queue_buffers_a_batch": a_batch([of_queue for of_queue, _ in inside], batches),  # the producer's, too
            "claim_ms": median(claim_ms, 2) if claim_ms else None,
        }
    return figures


def a_batch(values: Sequence[int | None], batches: int) -> int | None:
    """Growth by batches."""
    if len(values) < 2 or values[-1] is None or values[0] is None:
        return None
    return round((values[-1] - values[0]) / max(1, batches))


def ratio(figures: dict[str, Any], key: str) -> float | None:
    """Last to first."""
    first, last = figures["first"][key], figures["last"][key]
    return round(last / first, 2) if first and last is not None else None


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Depths in turn, some rounds; then the old snapshot; the result as it is written."""
    rounds: dict[int, list[dict[str, float]]] = {depth: [] for depth in args.depths}
    with durable_server(args.version) as server, psycopg.connect(server.url("quire"), autocommit=True) as connection:
        given = shown_settings(connection, args)
        (workspace,) = stock.make_blocks(connection, args.blocks)
        stock.mark_indexed(connection, workspace, dimensions=2)
        connection.execute(raw.TABLES)
        connection.execute("vacuum analyze")
        for number in range(args.rounds):
            for depth in args.depths:
                rounds[depth].append(at_depth(server, connection, workspace, depth))
                print(f"round {number + 1}", depth, rounds[depth][-1], flush=True)
        connection.execute("truncate core.indexing_queue")
        connection.execute("vacuum analyze core.indexing_queue")
        url = server.url("quire")

        def ours(seconds: float) -> list[list[str]]:
            return [[sys.executable, "-m", "bench.queue.ours", url, "1", stock.MODEL, f"seconds={seconds:g}"]] * 2

        def loop(seconds: float) -> list[list[str]]:
            how = ["history", "claims_not_flushed", "100", f"{seconds:g}"]
            return [[sys.executable, "-m", "bench.queue.raw", url, *how]] * 2

        def for_ours(own: Connection) -> Callable[[], int]:
            return produce_ours(own, workspace)

        held: dict[str, Any] = {}
        for name, commands, table, seconds, is_held, producer in (
            ("quire_without_snapshot", ours, _QUEUE, args.compare_seconds, False, for_ours),
            ("raw_with_snapshot", loop, _RAW, args.compare_seconds, True, produce_raw),
            ("quire_with_snapshot", ours, _QUEUE, args.hold_seconds, True, for_ours),
        ):
            held[name] = churn(server, commands(seconds), table, seconds, is_held, producer)
            print(name, held[name], flush=True)
    depth = {
        each: {key: median(figures[key] for figures in rounds[each]) for key in ("buffers_a_batch", "claim_ms")}
        for each in args.depths
    }
    shallow, deep = depth[min(args.depths)], depth[max(args.depths)]
    with_snapshot = held["quire_with_snapshot"]
    return {
        "settings": given,
        "depth": depth,
        "rounds": rounds,
        "old_snapshot": held,
        "raw_last_to_first": ratio(held["raw_with_snapshot"], "entries_a_second"),
        "limits": {
            "depth_buffers": at_most(round(deep["buffers_a_batch"] / shallow["buffers_a_batch"], 2), MOST),
            "depth_ms": at_most(round(deep["claim_ms"] / shallow["claim_ms"], 2), MOST),
            "snapshot_rate": at_least(ratio(with_snapshot, "entries_a_second"), 1 / MOST),
            "snapshot_buffers": at_most(ratio(with_snapshot, "buffers_a_batch"), MOST),
            "snapshot_ms": at_most(ratio(with_snapshot, "claim_ms"), MOST),
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.claim_cost", description=main.__doc__)
    parser.add_argument("--depths", type=int, nargs="+", default=[1_000, 100_000, 1_000_000])
    parser.add_argument("--blocks", type=int, default=1_000_000, help="that are queued again and again")
    parser.add_argument(
        "--hold-seconds", type=float, default=600, help="that the snapshot is held under Quire's drains"
    )
    parser.add_argument("--compare-seconds", type=float, default=60, help="without it, and under the raw loop")
    parser.add_argument("--rounds", type=int, default=3, help="of depths")
    return run("claim_cost", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

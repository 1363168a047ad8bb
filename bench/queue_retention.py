"""How long does it take to forget a million finished entries, and ten thousand row by row?

    python -m bench.queue_retention [--rows 1000000] [--batch 10000] [--rounds 3] [--version 18]

A throwaway server with production's durability. Each round: a day's partition of core.indexing_done, ten days old, with
`--rows` rows, and `--batch` rows of 40 days ago, for which there is no partition, in the default one; then
ops.purge_indexing_done() once for each. The result goes to bench/results/queue_retention.json; exit code 1 when either
took a second.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from bench.harness import Connection, at_most, durable_server, median, run, shown_settings
from bench.queue.stock import one

MOST_SECONDS = 1.0


def fill(connection: Connection, days: int, rows: int, partition: bool) -> None:
    """Finished entries of one day."""
    if partition:
        connection.execute(
            "select core.ensure_partition('indexing_done', to_char(d, 'YYYYMMDD'), 'processed_at', d, d + '1 day')"
            " from (select date_trunc('day', now(), 'UTC') - make_interval(days => %s)) as t (d)",
            [days],
        )
    connection.execute(
        "insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)"
        " select gen_random_uuid(), gen_random_uuid(), n, 'upsert', 1, d, d + interval '1 hour'"
        " from (select date_trunc('day', now(), 'UTC') - make_interval(days => %s)) as t (d),"
        " generate_series(1, %s) as n",
        [days, rows],
    )
    connection.execute("checkpoint")


def purge(connection: Connection) -> dict[str, float]:
    """One call: seconds, and WAL written."""
    before = one(connection, "select pg_current_wal_insert_lsn() - '0/0'")
    began = time.perf_counter()
    connection.execute("select * from ops.purge_indexing_done()")
    seconds = time.perf_counter() - began
    return {
        "seconds": round(seconds, 4),
        "wal_bytes": int(one(connection, "select pg_current_wal_insert_lsn() - '0/0'") - before),
        "left": one(connection, "select count(*) from core.indexing_done"),
    }


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Fill and purge, again and again; the result as it is written."""
    rounds: dict[str, list[dict[str, float]]] = {"partition": [], "rows": []}
    with durable_server(args.version) as server, psycopg.connect(server.url("quire"), autocommit=True) as connection:
        given = shown_settings(connection, args)
        for _ in range(args.rounds):
            fill(connection, 10, args.rows, partition=True)
            rounds["partition"].append(purge(connection))
            fill(connection, 40, args.batch, partition=False)
            rounds["rows"].append(purge(connection))
            connection.execute("vacuum core.indexing_done")
    if any(each["left"] for kind in rounds.values() for each in kind):
        raise RuntimeError(f"something was left: {rounds}")
    return {
        "settings": given,
        "rounds": rounds,
        "limits": {
            f"{name}_seconds": at_most(median((each["seconds"] for each in kind), 4), MOST_SECONDS)
            for name, kind in rounds.items()
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_retention", description=main.__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000, help="of the old partition")
    parser.add_argument("--batch", type=int, default=10_000, help="rows in the default partition")
    parser.add_argument("--rounds", type=int, default=3)
    return run("queue_retention", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

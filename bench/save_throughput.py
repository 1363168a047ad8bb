"""How many saves a second, against the least that a hand-written transaction would do, and against whole documents?

    python -m bench.save_throughput [--seconds 10] [--rounds 3] [--clients 8] [--version 18]

pgbench (prepared statements) on a throwaway server with production's durability: each transaction replaces the text of
a random block of a random page, 100 pages of 1000 blocks. `patch_page` is api.patch_page. `minimal_one` writes the same
rows (block, page, change with operation and pre-image, queue) by one hand-written statement, `minimal_five` by a
transaction of five; both on copies of the tables with the same indexes, without triggers and without history's hashes.
`whole_document` is one jsonb a page and jsonb_set. `patch_page_with_snapshots` has a second connection that makes the
snapshots ordered. The rounds are interleaved, each run begins with a checkpoint; the ratios are of the medians. The
result goes to bench/results/save_throughput.json; exit code 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from bench.harness import (
    Connection,
    at_least,
    create_page,
    document,
    durable_server,
    exists,
    make_workspace,
    median,
    run,
    shown_settings,
)
from db.embedded import EmbeddedServer

LEAST_OF_MINIMAL, LEAST_OF_WHOLE = 0.5, 6.0
WARM_SECONDS = 1  # new connections plan first, those of a pool have long done so: not counted
SNAPSHOTS = "ops.make_snapshots(integer)"

SCRIPTS = Path(__file__).parent / "save_throughput_scripts"
WITH_SNAPSHOTS = "patch_page_with_snapshots"
# The scripts, and what counts their saves: looked at before anything is measured.
WRITTEN = {
    "patch_page": "select sum(version) - count(*) from core.pages",
    "minimal_one": "select sum(version) - count(*) from bench.pages",
    "minimal_five": "select sum(version) - count(*) from bench.pages",
    "whole_document": "select sum(version) - count(*) from bench.page",
}


def pgbench(server: EmbeddedServer, args: argparse.Namespace, script: str, *how_long: str) -> dict[str, float]:
    """Run a script; transactions a second, and mean and 95th percentile of their milliseconds."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(
            [
                *(server.bin / "pgbench", "--no-vacuum", "--protocol=prepared", "--log", f"--log-prefix={folder}/log"),
                *(
                    f"--client={args.clients}",
                    f"--jobs={min(2, args.clients)}",
                    f"--random-seed={args.seed}",
                    *how_long,
                ),
                *(f"--define=pages={args.pages}", f"--define=blocks={args.blocks}", f"--file={SCRIPTS / script}.sql"),
                server.url("quire"),
            ],
            capture_output=True,
            text=True,
            env={"PATH": os.environ.get("PATH", "")},
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"pgbench {script}: {done.stderr[-2000:]}")
        # each line: client, transaction, microseconds, script, and when it ended in seconds and microseconds
        lines = [line.split() for path in Path(folder).iterdir() for line in path.read_text().splitlines()]
    ended = [(int(line[4]) + int(line[5]) / 1e6, int(line[2]) / 1000) for line in lines]
    first, last = min(ended)[0], max(ended)[0]
    warm = first + min(WARM_SECONDS, (last - first) / 2)
    taken = sorted(milliseconds for end, milliseconds in ended if end > warm)
    return {
        "tps": round(len(taken) / (last - warm), 1),
        "mean_ms": round(sum(taken) / len(taken), 2),
        "p95_ms": round(taken[int(len(taken) * 0.95)], 2),
        "transactions": len(ended),
    }


@contextmanager
def making_snapshots(conninfo: str, made: list[int]) -> Generator[None]:
    """A second connection that makes what saves order; how many it made goes into the list."""
    stop = threading.Event()

    def work() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            while not stop.is_set():
                row = connection.execute("select ops.make_snapshots(10)").fetchone()
                assert row is not None
                made.append(row[0])
                if row[0] == 0:
                    stop.wait(0.05)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def value(connection: Connection, statement: str) -> int:
    """One number."""
    row = connection.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


def one_run(server: EmbeddedServer, connection: Connection, args: argparse.Namespace, name: str) -> dict[str, float]:
    """A measured run, with what it wrote of WAL."""
    connection.execute("truncate core.page_snapshots_due")
    connection.execute("checkpoint")
    before = value(connection, "select pg_current_wal_insert_lsn() - '0/0'")
    made: list[int] = []
    if name == WITH_SNAPSHOTS:
        with making_snapshots(server.url("quire"), made):
            figures = pgbench(server, args, "patch_page", f"--time={args.seconds + WARM_SECONDS}")
        figures["snapshots_made"] = sum(made)
        figures["snapshots_due"] = value(connection, "select count(*) from core.page_snapshots_due")
    else:
        figures = pgbench(server, args, name, f"--time={args.seconds + WARM_SECONDS}")
    wal = value(connection, "select pg_current_wal_insert_lsn() - '0/0'") - before
    figures["wal_bytes_a_transaction"] = round(wal / figures["transactions"])
    return figures


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Populate, prove that each script writes, run the rounds; the result as it is written."""
    chance = random.Random(args.seed)
    with (
        durable_server(args.version) as server,
        psycopg.connect(server.url("quire"), autocommit=True) as connection,
    ):
        given = shown_settings(connection, args)
        make_workspace(connection)
        for number in range(1, args.pages + 1):
            # ids that a script can reckon from a number
            create_page(connection, {"id": f"00000000-0000-4000-8000-{number:012}", **document(chance, args.blocks)})
        connection.execute((SCRIPTS / "tables.sql").read_bytes())
        connection.execute("vacuum analyze")
        for name, written in WRITTEN.items():
            before = value(connection, written)
            count = pgbench(server, args, name, "--transactions=25")["transactions"]
            if value(connection, written) - before != count:
                raise RuntimeError(f"{name}: {count} transactions, {value(connection, written) - before} versions")
        names = [*WRITTEN]
        if exists(connection, SNAPSHOTS):
            names.append(WITH_SNAPSHOTS)
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for number in range(args.rounds):
            for name in names[number % len(names) :] + names[: number % len(names)]:
                figures = one_run(server, connection, args, name)
                rounds[name].append(figures)
                print(f"round {number + 1}", name, figures, flush=True)
    tps = {name: median((figures["tps"] for figures in each), 1) for name, each in rounds.items()}
    ratios = {name: round(tps["patch_page"] / each, 2) for name, each in tps.items() if name != "patch_page"}
    result: dict[str, Any] = {
        "settings": given,
        "median": {
            name: {key: median(figures[key] for figures in each) for key in each[0]} for name, each in rounds.items()
        },
        "rounds": rounds,
        "patch_page_to": ratios,
    }
    if WITH_SNAPSHOTS in tps:
        result["with_snapshots_to_minimal_one"] = round(tps[WITH_SNAPSHOTS] / tps["minimal_one"], 2)
        result["with_snapshots_to_minimal_five"] = round(tps[WITH_SNAPSHOTS] / tps["minimal_five"], 2)
    return result | {
        "limits": {
            "patch_page_to_minimal_one": at_least(ratios["minimal_one"], LEAST_OF_MINIMAL),
            "patch_page_to_minimal_five": at_least(ratios["minimal_five"], LEAST_OF_MINIMAL),
            "patch_page_to_whole_document": at_least(ratios["whole_document"], LEAST_OF_WHOLE),
        }
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.save_throughput", description=main.__doc__)
    parser.add_argument("--pages", type=int, default=100)
    parser.add_argument("--blocks", type=int, default=1000, help="of each page")
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--seconds", type=int, default=10, help="of each run")
    parser.add_argument("--rounds", type=int, default=3)
    return run("save_throughput", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

"""From the first save to an empty queue: how many blocks a second, through HTTP, with everything that is in the way?

    python -m bench.queue_end_to_end [--entries 10000] [--rounds 3] [--workers 1] [--version 18]

A throwaway server with production's durability, the API (`python -m app.main`) and the worker (`python -m worker.main`)
as they are started by `quire up`, with their default settings and the built-in embedder. Pages of 99 paragraphs and a
title are created by POST, one after the other; the time ends when no entry waits or is in flight. Then each entry has
to be there with its vector. The result goes to bench/results/queue_end_to_end.json; exit code 1 below 100 a second.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from app.tests.processes import running_api, running_worker
from bench.harness import Connection, at_least, document, durable_server, median, run, shown_settings
from bench.queue.stock import PAGE_BLOCKS, one

LEAST_A_SECOND = 100.0
ENTRIES, VECTORS = "select count(*) from core.search_entries", "select count(*) from core.block_embeddings"


def wait_until_empty(connection: Connection) -> None:
    """Until no entry waits or is in flight."""
    while one(connection, "select count(*) from core.indexing_queue"):
        time.sleep(0.02)


def one_round(args: argparse.Namespace, number: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """A server of its own; settings and figures."""
    chance = random.Random(args.seed * 1000 + number)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        server = stack.enter_context(durable_server(args.version))
        url = server.url("quire")
        connection = stack.enter_context(psycopg.connect(url, autocommit=True))
        given = shown_settings(connection, args) if number == 0 else {}
        api = stack.enter_context(running_api(url, folder / "api.log", QUIRE_LOG_LEVEL="info"))
        for each in range(args.workers):
            stack.enter_context(running_worker(url, folder / f"worker-{each}.log"))
        while b"worker started" not in (folder / "worker-0.log").read_bytes():
            time.sleep(0.05)
        client = api.client()
        wait_until_empty(connection)  # of the sample pages
        entries, vectors = (one(connection, statement) for statement in (ENTRIES, VECTORS))
        pages = [document(chance, PAGE_BLOCKS - 1) for _ in range(args.entries // PAGE_BLOCKS)]
        began = time.perf_counter()
        for page in pages:
            answer = client.post("/pages", json=page)
            if answer.status_code != 201:
                raise RuntimeError(answer.text)
        saved = time.perf_counter()
        wait_until_empty(connection)
        ended = time.perf_counter()
        entries = one(connection, ENTRIES) - entries
        vectors = one(connection, VECTORS) - vectors
        if not entries == vectors == len(pages) * PAGE_BLOCKS:
            raise RuntimeError(f"{entries} entries and {vectors} vectors of {len(pages) * PAGE_BLOCKS}")
    return given, {
        "entries": entries,
        "save_seconds": round(saved - began, 2),
        "seconds": round(ended - began, 2),
        "entries_a_second": round(entries / (ended - began), 1),
    }


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """The rounds; the result as it is written."""
    given: dict[str, Any] = {}
    rounds: list[dict[str, Any]] = []
    for number in range(args.rounds):
        shown, figures = one_round(args, number)
        given |= shown
        rounds.append(figures)
        print(f"round {number + 1}", figures, flush=True)
    rate = median((each["entries_a_second"] for each in rounds), 1)
    return {
        "settings": given,
        "rounds": rounds,
        "limits": {"entries_a_second": at_least(rate, LEAST_A_SECOND)},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_end_to_end", description=main.__doc__)
    parser.add_argument("--entries", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1, help="worker processes")
    return run("queue_end_to_end", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

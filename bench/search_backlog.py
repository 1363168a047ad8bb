"""How long does a search take while many blocks wait to be indexed, and how soon is a save found?

    python -m bench.search_backlog [--pages 650] [--blocks 80] [--runs 3] [--saves 12] [--version 18]

A throwaway server with production's durability, one workspace of made-up pages. First: searches by text with 0, 5,000
and 50,000 of its blocks waiting, before and after the tables have statistics. Then, with nothing indexed, a worker
process and an import run beside saves of one block each: from the end of the save to the end of the first search
(hybrid) that finds its new word. The result goes to bench/results/search_backlog.json; exit code 1 when a save was
found later than after two seconds.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from db.embedded import EmbeddedServer
from db.embedders import HashingEmbedder, to_text
from db.migrate import migrate
from db.server_settings import SERVER_SETTINGS

RESULT = Path(__file__).parent / "results" / "search_backlog.json"
SHOWN_SETTINGS = ("server_version", "fsync", "synchronous_commit", "shared_buffers", "work_mem", "random_page_cost")
WAITING = (0, 5_000, 50_000)
MOST_MS = 2000
WORKSPACE, ACTOR = uuid.UUID(int=1), uuid.UUID(int=2)
Connection = psycopg.Connection[Any]


class Words:
    """Made-up text: 5,000 words, the n-th 1/n as often as the first, as in natural text."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        syllables = [first + second for first in "bdfgklmnprstvz" for second in "aeiou"]
        self.words = list(dict.fromkeys("".join(self._random.choices(syllables, k=3)) for _ in range(5_100)))[:5_000]
        self._weights = [1 / rank for rank in range(1, len(self.words) + 1)]

    def page(self, blocks: int) -> str:
        """A page's document as JSON."""
        counts = [self._random.randint(4, 40) for _ in range(blocks)]
        texts = [" ".join(self._random.choices(self.words, self._weights, k=count)) for count in counts]
        return json.dumps(
            {"title": texts[0][:40], "blocks": [{"type": "paragraph", "data": {"text": text}} for text in texts]}
        )


def create_page(connection: Connection, document: str) -> uuid.UUID:
    """A page as `quire import` makes it."""
    row = connection.execute(
        "select page_id from api.create_page(%s, %s, %s, 200::smallint)", [WORKSPACE, ACTOR, document]
    ).fetchone()
    assert row is not None
    return row[0]


def populate(conninfo: str, words: Words, pages: int, blocks: int) -> None:
    """A workspace whose blocks all wait."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("insert into core.workspaces (id, name, created_at) values (%s, 'w', now())", [WORKSPACE])
        connection.execute("insert into core.users (id, name, created_at) values (%s, 'e', now())", [ACTOR])
        connection.execute("select ops.add_member(%s, %s, 'editor')", [WORKSPACE, ACTOR])
        for _ in range(pages):
            create_page(connection, words.page(blocks))


def leave_waiting(connection: Connection, count: int) -> None:
    """Index all but the newest `count` blocks, by text: vectors take minutes and are not read live."""
    connection.execute(
        "delete from core.indexing_queue where seq <= (select max(seq) from core.indexing_queue) - %s", [count]
    )
    connection.execute(
        "insert into core.search_entries select b.workspace_id, b.page_id, b.no, b.block_id, b.type, b.ver, b.body,"
        " core.search_vector(b.type, b.body), b.data, now() from core.indexable_blocks as b"
        " where not exists (select from core.indexing_queue as q"
        " where q.workspace_id = b.workspace_id and q.page_id = b.page_id and q.no = b.no)"
    )


def search(connection: Connection, query: str, mode: str = "text", embedding: str | None = None) -> tuple[float, int]:
    """Milliseconds and hits of one search."""
    began = time.perf_counter()
    row = connection.execute(
        "select body from api.search(%s, %s, %s, %s, null, 20, null, %s)", [WORKSPACE, ACTOR, query, mode, embedding]
    ).fetchone()
    assert row is not None
    return (time.perf_counter() - began) * 1000, len(json.loads(row[0])["hits"])


def latencies(conninfo: str, queries: dict[str, str], runs: int) -> dict[str, dict[str, float]]:
    """Median and longest milliseconds of each query, each time on a new connection."""
    taken: dict[str, list[float]] = {name: [] for name in queries}
    for _ in range(runs):
        for name, query in queries.items():
            with psycopg.connect(conninfo, autocommit=True) as connection:
                taken[name].append(search(connection, query)[0])
    return {
        name: {"median_ms": round(statistics.median(each), 1), "longest_ms": round(max(each), 1)}
        for name, each in taken.items()
    }


def saves_under_load(conninfo: str, words: Words, blocks: int, saves: int) -> dict[str, Any]:
    """A worker and an import run beside; how soon is each of some saves found?"""
    stop = threading.Event()
    imported: list[uuid.UUID] = []

    def run_import() -> None:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            while not stop.is_set():
                imported.append(create_page(connection, words.page(blocks)))

    worker = subprocess.Popen(
        [sys.executable, "-m", "worker.main"], env={**os.environ, "DATABASE_URL": conninfo}, stderr=subprocess.DEVNULL
    )
    importer = threading.Thread(target=run_import)
    importer.start()
    found_ms: list[float] = []
    try:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            pages = connection.execute("select id from core.pages order by id limit %s", [saves]).fetchall()
            while not connection.execute("select 1 from core.search_entries limit 1").fetchone():
                time.sleep(0.1)  # until the worker works
            for number, (page,) in enumerate(pages):
                word = f"zyxw{number}"
                patch = [{"op": "replace", "path": "/blocks/3/data/text", "value": f"about {word} today"}]
                connection.execute(
                    "select * from api.patch_page(%s, %s, %s, '{*}', null, %s, 'patch', 100::smallint, 'minimal')",
                    [WORKSPACE, ACTOR, page, json.dumps(patch)],
                )
                saved = time.perf_counter()
                embedding = to_text(HashingEmbedder().embed([word])[0])
                while not search(connection, word, "hybrid", embedding)[1]:
                    pass
                found_ms.append((time.perf_counter() - saved) * 1000)
            left = connection.execute("select count(*) from core.indexing_queue").fetchone()
    finally:
        stop.set()
        importer.join()
        worker.terminate()
        worker.wait()
    return {
        "saves": len(found_ms),
        "median_ms": round(statistics.median(found_ms), 1),
        "longest_ms": round(max(found_ms), 1),
        "imported_pages_meanwhile": len(imported),
        "waiting_afterwards": left and left[0],
    }


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Populate, search, save; the result as it is written."""
    # no statistics but where we make them
    server = EmbeddedServer(folder / "data", args.version, settings={**SERVER_SETTINGS, "autovacuum": "off"})
    server.start()
    try:
        words = Words(args.seed)
        server.create_database("filled")
        migrate(server.url("filled"), log=lambda _: None)
        populate(server.url("filled"), words, args.pages, args.blocks)
        with psycopg.connect(server.url("filled")) as connection:
            rows = [connection.execute("select current_setting(%s)", [name]).fetchone() for name in SHOWN_SETTINGS]
        settings = {name: row and row[0] for name, row in zip(SHOWN_SETTINGS, rows, strict=True)}
        given = settings | {"pages": args.pages, "blocks_of_a_page": args.blocks, "seed": args.seed, "runs": args.runs}
        print("\n".join(f"{name}: {value}" for name, value in given.items()), flush=True)
        queries = {
            "common word": words.words[0],
            "rare word": words.words[4_000],
            "three common words": " ".join(words.words[1:4]),
            "absent word": "zyxwv",
        }
        searches: dict[str, Any] = {}
        for count in WAITING:
            name = f"waiting_{count}"
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute(sql.SQL("create database {} template filled").format(sql.Identifier(name)))
            with psycopg.connect(server.url(name), autocommit=True) as connection:
                leave_waiting(connection, count)
                searches[name] = {"without_statistics": latencies(server.url(name), queries, args.runs)}
                connection.execute("analyze")
            searches[name]["with_statistics"] = latencies(server.url(name), queries, args.runs)
            print(name, json.dumps(searches[name]), flush=True)
        return {
            "settings": given,
            "search": searches,
            "save_to_found": saves_under_load(server.url("filled"), words, args.blocks, args.saves),
        }
    finally:
        server.remove()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_backlog", description=main.__doc__)
    parser.add_argument("--pages", type=int, default=650)
    parser.add_argument("--blocks", type=int, default=80, help="of each page")
    parser.add_argument("--runs", type=int, default=3, help="of each search")
    parser.add_argument("--saves", type=int, default=12)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", type=int, default=18, choices=(16, 18))
    args = parser.parse_args(argv)
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server's user has to pass through it
        result = measure(folder, args)
    text = json.dumps(result, indent=2)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(text + "\n")
    print(text)
    print(f"{time.monotonic() - began:.0f} s; written to {RESULT}")
    return 1 if result["save_to_found"]["longest_ms"] >= MOST_MS else 0


if __name__ == "__main__":
    sys.exit(main())

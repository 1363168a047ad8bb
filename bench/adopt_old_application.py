"""How long does the old application wait while its database is migrated under it?

    python -m bench.adopt_old_application [--pages 1000] [--blocks 103] [--version 18]

A populated old database on a throwaway server with production's durability (fsync, synchronous_commit); readers and
writers use the old application's statements before, during and after `quire migrate`, and one client keeps its
transactions open for a quarter of a second. Afterwards every acknowledged write is looked for. The result goes to
bench/results/adopt_old_application.json; exit code 1 when a row is lost or a statement waited for a second or more.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from db.embedded import EmbeddedServer
from db.migrate import migrate
from db.tests.migrations.old_application import lost_rows, make_old_database
from db.tests.migrations.old_clients import Run, migrate_under_load

RESULT = Path(__file__).parent / "results" / "adopt_old_application.json"
SHOWN_SETTINGS = ("server_version", "fsync", "synchronous_commit", "full_page_writes", "shared_buffers", "max_wal_size")
MOST_MS = 1000


def summary(run: Run, kind: str) -> dict[str, Any]:
    """Milliseconds that statements of a kind ("read" or "write") took before and during the migration."""
    before, during = run.typical(kind, before=True), run.typical(kind, before=False)
    longest = run.longest(kind)
    return {
        "statements_during": len(during),
        "longest_ms": round(longest.seconds * 1000, 1),
        "longest_was": f"{longest.what}, {longest.began - run.began:.1f} s after the start",
        "median_before_ms": round(before[len(before) // 2] * 1000, 2),
        "median_during_ms": round(during[len(during) // 2] * 1000, 2),
        "p99_during_ms": round(during[int(len(during) * 0.99)] * 1000, 1),
    }


def measure(folder: Path, args: argparse.Namespace) -> dict[str, Any]:
    """Populate, migrate under load, compare; the result as it is written."""
    server = EmbeddedServer(folder / "data", args.version)
    server.start()
    try:
        server.create_database("old")
        conninfo = server.url("old")
        make_old_database(conninfo, pages=args.pages, blocks=args.blocks, seed=args.seed / 100)
        with psycopg.connect(conninfo) as connection:
            settings = {
                name: connection.execute("select current_setting(%s)", [name]).fetchone() for name in SHOWN_SETTINGS
            }
            rows = {
                table: connection.execute(sql.SQL("select count(*) from {}").format(sql.Identifier(table))).fetchone()
                for table in ("workspaces", "pages", "blocks", "indexing_queue")
            }
        given = {name: row[0] for name, row in (settings | rows).items() if row}
        print("\n".join(f"{name}: {value}" for name, value in given.items()), flush=True)
        run = migrate_under_load(
            conninfo,
            lambda: migrate(conninfo) and None,
            readers=args.readers,
            writers=args.writers,
            pause=args.pause,
            seed=args.seed,
        )
        lost = lost_rows(conninfo, run.pages)
        print("\n".join(lost[:20]))
        with psycopg.connect(conninfo) as connection:
            steps = connection.execute("select name, duration_ms from ops.migrations where number > 6 order by number")
            took = {name: milliseconds for name, milliseconds in steps}  # noqa: C416 - pyright needs the pair
        return {
            "settings": given
            | {"seed": args.seed, "readers": args.readers, "writers": args.writers, "pause_s": args.pause},
            "migration_s": round(run.ended - run.began, 1),
            "steps_ms": took,
            "read": summary(run, "read"),
            "write": summary(run, "write"),
            "transactions": {
                "acknowledged": sum(writer.acknowledged for writer in run.writers),
                "refused_after_the_switch": sum(len(writer.refused) for writer in run.writers),
                "versioned_updates_after_the_switch": sum(writer.versioned for writer in run.writers),
            },
            "lost_rows": len(lost),
        }
    finally:
        server.remove()


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.adopt_old_application", description=main.__doc__)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--blocks", type=int, default=103, help="of each page; every 50th has none")
    parser.add_argument("--readers", type=int, default=2)
    parser.add_argument("--writers", type=int, default=2)
    parser.add_argument("--pause", type=float, default=0.01, help="seconds between transactions of a client")
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
    late = max(result["read"]["longest_ms"], result["write"]["longest_ms"]) >= MOST_MS
    return 1 if result["lost_rows"] or late else 0


if __name__ == "__main__":
    sys.exit(main())

"""Is an entry lost, applied twice or left stale when workers, API and PostgreSQL are killed at any step?

    python -m bench.queue_kills [--kills 200] [--writers 4] [--pages 2] [--version 18]        or: make soak

Savers write a few hot blocks by HTTP, with production's durability, while two workers kill themselves by kill -9 after
a claim, in embedding, after a write, before, within and after an ack, and the API and PostgreSQL's postmaster are
killed a tenth of the times each. Then the queue is left to run empty and everything is looked at: see
app/tests/queue_kills.py. The result goes to bench/results/queue_kills.json; exit code 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.tests.queue_kills import kill_matrix
from bench.harness import at_least, at_most, run
from db.server_settings import SERVER_SETTINGS

_SHOWN = ("fsync", "synchronous_commit", "wal_compression", "shared_buffers")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Save, kill, check; the result as it is written."""
    settings = {name: SERVER_SETTINGS[name] for name in _SHOWN} | vars(args)
    print("\n".join(f"{name}: {value}" for name, value in settings.items()), flush=True)
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server's user has to pass through it
        report = kill_matrix(
            folder, args.kills, version=args.version, writers=args.writers, pages=args.pages, seed=args.seed
        )
    print("\n".join(report.problems))
    return {
        "settings": settings,
        "kills": dict(report.kills),
        "saves": report.saves,
        "entries_done": report.done,
        "problems": report.problems,
        "limits": {
            "problems": at_most(len(report.problems), 0),
            "kills": at_least(sum(report.kills.values()), args.kills),
        },
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Save, kill, check, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.queue_kills", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--writers", type=int, default=4)
    parser.add_argument("--pages", type=int, default=2)
    return run("queue_kills", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

"""Does every acknowledged save survive, exactly once, while Quire is killed again and again?

    python -m bench.fault_saves [--seconds 120] [--writers 6] [--pages 3] [--version 18]        or: make soak

Writers save by HTTP to a few pages with production's durability, each save with a base_version and repeated with its
Idempotency-Key until it is answered, while the API, the worker and PostgreSQL's postmaster get kill -9 at random
moments and are started again. Afterwards: versions are dense, content hashes hold from scratch, replay of the log gives
each hash and the live page, each acknowledged save is in the log and on the page exactly once, `quire verify` is clean
(see app/tests/soak.py). The result goes to bench/results/fault_saves.json; exit code 1 when anything is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from app.tests.soak import soak
from bench.harness import at_most, run
from db.server_settings import SERVER_SETTINGS

_SHOWN = ("fsync", "synchronous_commit", "wal_compression", "shared_buffers")


def measure(args: argparse.Namespace) -> dict[str, Any]:
    """Save, kill, check; the result as it is written."""
    settings = {name: SERVER_SETTINGS[name] for name in _SHOWN} | vars(args)
    print("\n".join(f"{name}: {value}" for name, value in settings.items()), flush=True)
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server's user has to pass through it
        report = soak(
            folder, args.seconds, version=args.version, writers=args.writers, pages=args.pages, seed=args.seed
        )
    print("\n".join(report.problems))
    return {
        "settings": settings,
        "saves": dict(report.counts),
        "kills": dict(report.kills),
        "versions": report.versions,
        "quire_verify_ran": report.verified,
        "problems": report.problems,
        "limits": {"problems": at_most(len(report.problems), 0)},
    }


def main(argv: Sequence[str] | None = None) -> int:
    """Save, kill, check, print, write the result."""
    parser = argparse.ArgumentParser(prog="python -m bench.fault_saves", description=main.__doc__)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--writers", type=int, default=6)
    parser.add_argument("--pages", type=int, default=3)
    return run("fault_saves", parser, measure, argv)


if __name__ == "__main__":
    sys.exit(main())

"""What benches share: a throwaway server with production's durability, made-up pages, limits, the result's file."""

from __future__ import annotations

import json
import random
import statistics
import tempfile
import time
import uuid
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg

from db.embedded import EmbeddedServer
from db.migrate import migrate

RESULTS = Path(__file__).parent / "results"
SHOWN_SETTINGS = (
    *("server_version", "fsync", "synchronous_commit", "full_page_writes", "wal_compression"),
    *("shared_buffers", "max_wal_size", "checkpoint_timeout"),
)
WORKSPACE, ACTOR = uuid.UUID(int=1), uuid.UUID(int=2)
WORDS = [first + second for first in "bdfgklmnprstvz" for second in ("alo", "eri", "inu", "oma", "uke")]
Connection = psycopg.Connection[Any]


@contextmanager
def durable_server(version: int) -> Generator[EmbeddedServer]:
    """A throwaway server with db/server_settings.py as it is, and a migrated database `quire` on it."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # as root, the server's user has to pass through it
        server = EmbeddedServer(folder / "data", version)
        server.start()
        try:
            server.create_database("quire")
            migrate(server.url("quire"), log=lambda _: None)
            with psycopg.connect(server.url("quire"), autocommit=True) as connection:
                connection.execute("select ops.ensure_partitions()")  # as the worker does
            yield server
        finally:
            server.remove()


def make_workspace(connection: Connection) -> None:
    """The workspace and its editor, WORKSPACE and ACTOR."""
    connection.execute("insert into core.workspaces (id, name, created_at) values (%s, 'w', now())", [WORKSPACE])
    connection.execute("insert into core.users (id, name, created_at) values (%s, 'e', now())", [ACTOR])
    connection.execute("select ops.add_member(%s, %s, 'editor')", [WORKSPACE, ACTOR])


def sentence(chance: random.Random, length: int) -> str:
    """Made-up text of that many characters."""
    return " ".join(chance.choices(WORDS, k=length // 4 + 1))[:length]


def document(chance: random.Random, blocks: int, length: int = 70) -> dict[str, Any]:
    """A page of paragraphs b1, b2, ..: at 70 characters each, 1000 of them are about 125 KB of JSON."""
    return {
        "title": sentence(chance, 30),
        "properties": {"status": "draft"},
        "blocks": [
            {"id": f"b{number}", "type": "paragraph", "data": {"text": sentence(chance, length)}}
            for number in range(1, blocks + 1)
        ],
    }


def create_page(connection: Connection, content: dict[str, Any]) -> uuid.UUID:
    """A page of WORKSPACE."""
    row = connection.execute(
        "select page_id from api.create_page(%s, %s, %s, 100::smallint)", [WORKSPACE, ACTOR, json.dumps(content)]
    ).fetchone()
    assert row is not None
    return row[0]


def exists(connection: Connection, function: str) -> bool:
    """Whether there is a function of that name and argument types, as in `ops.make_snapshots(integer)`."""
    row = connection.execute("select to_regprocedure(%s) is not null", [function]).fetchone()
    return row is not None and bool(row[0])


def shown_settings(connection: Connection, args: Namespace) -> dict[str, Any]:
    """PostgreSQL's settings and the options given, printed and for the result."""
    rows = [connection.execute("select current_setting(%s)", [name]).fetchone() for name in SHOWN_SETTINGS]
    given = {name: row and row[0] for name, row in zip(SHOWN_SETTINGS, rows, strict=True)} | vars(args)
    print("\n".join(f"{name}: {value}" for name, value in given.items()), flush=True)
    return given


def median(values: Iterable[float], digits: int = 2) -> float:
    """Rounded."""
    return round(statistics.median(values), digits)


def run(name: str, parser: ArgumentParser, measure: Callable[[Namespace], dict[str, Any]], argv: Any) -> int:
    """Parse, measure, print the result and write it to bench/results/<name>.json.

    Returns:
        1 when a limit of result["limits"] ({name: {"measured", "limit", "met"}}) is not met, else 0.
    """
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--version", type=int, default=18, choices=(16, 18), help="of PostgreSQL")
    args = parser.parse_args(argv)
    began = time.monotonic()
    result = measure(args)
    text = json.dumps(result, indent=2)
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f"{name}.json"
    path.write_text(text + "\n")
    print(text)
    print(f"{time.monotonic() - began:.0f} s; written to {path}")
    return 0 if all(limit["met"] for limit in result["limits"].values()) else 1


def at_most(measured: float | None, limit: float) -> dict[str, Any]:
    """An entry of result["limits"]; what could not be measured is not missed."""
    return {"measured": measured, "at_most": limit, "met": measured is None or measured <= limit}


def at_least(measured: float | None, limit: float) -> dict[str, Any]:
    """An entry of result["limits"]; what could not be measured is not missed."""
    return {"measured": measured, "at_least": limit, "met": measured is None or measured >= limit}

"""`quire verify`: whether pages and their history prove themselves, and with --repair make them do so."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import psycopg

from app.progress import Progress
from app.quickstart import FILE_NAME, find_database_url
from db.commands import Subparsers
from db.requirements import connect
from db.settings import Settings

_PAGES = 1000  # keys read by one statement
_FIRST = UUID(int=0)
_REPAIRED = frozenset(
    {"page_rebuilt", "rows_tidied", "hash_filled", "snapshot_rebuilt", "snapshot_dropped", "change_rewritten"}
)


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire verify` to the command line."""
    parser = subparsers.add_parser(
        "verify",
        help="check pages against their history, and repair them from it (--repair)",
        description="Check every page of the database of DATABASE_URL (or of the running `quire up` whose data folder"
        " DATA is), deleted ones too: order and rows of blocks, content hash, snapshots, and that the log leads from"
        " version to version, forward and back. One line a damage, with the last version before it; nothing else is"
        " printed. Saves may go on meanwhile. Exit code 1 when something is wrong, or with --repair still wrong.",
    )
    parser.add_argument(
        "--repair",
        action="store_true",
        help="repair what the rest of a page's history proves: damaged rows as a version of kind repair, snapshots,"
        " changed rows of the log; also fill hashes that older releases did not record. Never makes anything up",
    )
    parser.add_argument("--workspace", metavar="ID", type=UUID, help="only pages of this workspace")
    parser.add_argument("--page", metavar="ID", type=UUID, help="only this page; needs --workspace")


def run(args: argparse.Namespace) -> int:
    """Check page after page in key order; 1 when one is damaged, 2 when there is nothing to check by these options."""
    settings = Settings.from_env()
    database_url = find_database_url(settings)
    if database_url is None:
        print(
            f"quire: no database to check: set DATABASE_URL, or DATA to the folder of a running `quire up`"
            f" ({settings.data / FILE_NAME} is not there)",
            file=sys.stderr,
        )
        return 2
    if args.page is not None and args.workspace is None:
        print("quire: --page needs --workspace: a page is found in its workspace", file=sys.stderr)
        return 2
    with connect(database_url) as connection:
        if args.page is not None:
            keys, total = iter([(args.workspace, args.page)]), 1
        else:
            row = connection.execute("select ops.count_pages(%s::uuid)", [args.workspace]).fetchone()
            keys, total = _keys(connection, args.workspace), row[0] if row else 0
        progress = Progress(total, things="pages")
        checked = damaged = repaired = 0
        for workspace, page in keys:
            bad, mended = _page(connection, workspace, page, args.repair)
            if bad is None:
                if args.page is not None:
                    print(f"quire: there is no page {page} in workspace {workspace}", file=sys.stderr)
                    return 2
                continue  # purged meanwhile
            checked += 1
            damaged += bool(bad)
            repaired += bool(mended)
            for line in mended + bad:
                progress.note(f"page {workspace}/{page}: {line}")
            progress.advance()
        progress.close()
    print(f"{checked} pages checked, {damaged} damaged" + (f", {repaired} repaired" if args.repair else ""))
    return 1 if damaged else 0


def _keys(connection: psycopg.Connection, workspace: UUID | None) -> Iterator[tuple[UUID, UUID]]:
    after = (_FIRST, _FIRST)
    while True:
        rows = connection.execute(
            "select workspace_id, page_id from ops.list_page_keys(%s::uuid, %s::uuid, %s::uuid, %s::integer)",
            [workspace, *after, _PAGES],
        ).fetchall()
        yield from rows
        if len(rows) < _PAGES:
            return
        after = rows[-1]


def _page(
    connection: psycopg.Connection, workspace: UUID, page: UUID, repair: bool
) -> tuple[list[str] | None, list[str]]:
    """What is (still) wrong with a page, None where there is no such page; and what was repaired."""
    bad, unreckoned = _verify(connection, workspace, page)
    if bad is None or not repair or not (bad or unreckoned):
        return bad, []
    done = connection.execute(
        "select action, detail from ops.rebuild_page(%s::uuid, %s::uuid)", [workspace, page]
    ).fetchall()
    bad, _ = _verify(connection, workspace, page)
    return bad, [_line(action, detail) for action, detail in done if action in _REPAIRED]


def _verify(connection: psycopg.Connection, workspace: UUID, page: UUID) -> tuple[list[str] | None, bool]:
    rows = connection.execute(
        "select check_name, ok, detail from ops.verify_page(%s::uuid, %s::uuid)", [workspace, page]
    ).fetchall()
    if not rows:
        return None, False
    unreckoned = any(detail.get("problem") == "unreckoned" for _, _, detail in rows)
    return [_line(f"{name} damaged", detail) for name, ok, detail in rows if not ok], unreckoned


def _line(what: str, detail: dict[str, Any]) -> str:
    members = ", ".join(f"{name} {value}" for name, value in detail.items())
    return f"{what} ({members})" if members else what

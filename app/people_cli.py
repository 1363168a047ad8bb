"""What `quire user`, `workspace`, `member` and `audit` share: their database, their tables, their way to fail.

They work on the database, like psql: every action is one function of schema ops, which writes it into the audit log.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import dict_row

from app.quickstart import need_database_url
from db.commands import Subparsers
from db.requirements import advice, connect
from db.settings import Settings

Row = dict[str, Any]
Action = Callable[[psycopg.Connection[Row], argparse.Namespace], int]
WHERE = "Works on DATABASE_URL, else on the database of a running `quire up` (DATA)."
_PART = 1000  # rows of one part of a list


class Failed(Exception):
    """What was asked for cannot be done; the message says why and what to do."""


def add_action(actions: Subparsers, name: str, summary: str, *, listing: bool = False) -> argparse.ArgumentParser:
    """A parser of one action; a list can be had as JSON."""
    parser = actions.add_parser(name, help=summary, description=f"{summary[0].upper()}{summary[1:]}.")
    if listing:
        parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    return parser


def run_action(command: str, actions: Mapping[str, Action], args: argparse.Namespace) -> int:
    """Do ``args.action`` in one transaction; exit code 0, or 1 with the reason on standard error, and nothing done."""
    try:
        with connect(need_database_url(Settings.from_env())) as connection:
            connection.row_factory = dict_row  # pyright: ignore[reportAttributeAccessIssue]
            with connection.transaction():
                return actions[args.action](connection, args)  # pyright: ignore[reportArgumentType]
    except psycopg.OperationalError:
        raise
    except Failed as error:
        reason = str(error)
    except psycopg.errors.UniqueViolation:
        reason = "there is one of that name already"
    except psycopg.errors.ForeignKeyViolation:
        reason = "there is no such workspace or user: nothing was done"
    except psycopg.Error as error:
        reason = advice(error) or error.diag.message_primary or str(error)
    print(f"quire {command}: {reason}", file=sys.stderr)
    return 1


def one(connection: psycopg.Connection[Row], statement: str, *arguments: object) -> Any:
    """The one value of a statement."""
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return next(iter(row.values()))


def user_id(connection: psycopg.Connection[Row], text: str) -> UUID:
    """The id of a user that is named by its id or its name."""
    try:
        return UUID(text)
    except ValueError:
        found = one(connection, "select ops.find_user(%s)", text)
        if found is None:
            raise Failed(f"there is no user {text}: see `quire user list`") from None
        return found


def parts(connection: psycopg.Connection[Row], statement: str, key: str, *arguments: object) -> list[Row]:
    """All rows of a list that is read part by part: the statement ends with the last key read and how many."""
    rows: list[Row] = []
    while True:
        part = connection.execute(statement.encode(), [*arguments, rows[-1][key] if rows else None, _PART]).fetchall()
        rows += part
        if len(part) < _PART:
            return rows


def print_rows(rows: Sequence[Row], columns: Sequence[tuple[str, int]], as_json: bool) -> int:
    """A table of (column, width), the last one as wide as it likes; or JSON."""
    if as_json:
        for row in rows:
            print(json.dumps(row, default=_plain, ensure_ascii=False))
        return 0
    *padded, last = columns
    print("  ".join([*(f"{name.replace('_', ' '):{width}}" for name, width in padded), last[0].replace("_", " ")]))
    for row in rows:
        print("  ".join([*(f"{_cell(row[name]):{width}}" for name, width in padded), _cell(row[last[0]])]))
    return 0


def uuid_argument(text: str) -> UUID:
    """Type of an argument that is an id."""
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an id is a UUID") from None


def _plain(value: object) -> str:
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z") if isinstance(value, datetime) else str(value)


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")
    return json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else str(value)

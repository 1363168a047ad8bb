"""`quire limits`: rate limits for operators: what they are, who is limited, letting somebody in again.

Works on the database, like psql: every action is one function of schema ops, which writes it into the audit log.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row

from app.quickstart import need_database_url
from db.commands import Subparsers, number
from db.requirements import advice, connect
from db.settings import Settings

_USAGE = 2
_MOST = 1000


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire limits` to the command line."""
    parser = subparsers.add_parser(
        "limits",
        help="list and change rate limits, watch who is limited, unblock somebody",
        description="Rate limits of the database of DATABASE_URL (or of the running `quire up` whose data folder DATA"
        " is). A change counts from the next request on; an API process that has seen a block remembers it for two"
        " seconds at most. Exit code 0: done; 1: refused, or nothing there to unblock; 2: wrong usage.",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    _add(actions, "list", "every policy: points, window, block, what it counts by")
    change = _add(actions, "set", "change a policy; what is not given stays", audited=True)
    change.add_argument("name", metavar="NAME", help="of the policy, as `quire limits list` shows it")
    change.add_argument("--points", type=int, metavar="N", help="so many fit in a window; a save costs one")
    change.add_argument("--window", type=int, metavar="SECONDS", help="length of the sliding window")
    change.add_argument("--block", type=int, metavar="SECONDS", help="how long who goes over is refused; 0: no block")
    change.add_argument("--per", choices=("user", "workspace", "token", "peer"), help="what is counted")
    change.add_argument("--mode", choices=("enforce", "dry-run"), help="dry-run decides and reports, refuses nobody")
    change.add_argument(
        "--on-failure", choices=("open", "closed"), help="when the limiter's table is locked: let in, or refuse"
    )
    watch = _add(actions, "watch", "who is limited or close to it, again and again until Ctrl-C")
    watch.add_argument("--share", type=float, default=0.8, metavar="X", help="close is from here on (default: 0.8)")
    watch.add_argument("--every", type=float, default=2, metavar="SECONDS", help="how often to look (default: 2)")
    watch.add_argument("--once", action="store_true", help="look once")
    watch.add_argument(
        "--limit", type=number(1, 1000), default=50, metavar="N", help="at most so many, 1 to 1000 (default: 50)"
    )
    unblock = _add(actions, "unblock", "let a user in again, with all points back", audited=True)
    unblock.add_argument("key", metavar="USER|KEY", help="name of a user, or a key as `quire limits watch` shows it")
    unblock.add_argument("--policy", metavar="NAME", help="of this policy only (default: of all)")


def _add(actions: Subparsers, name: str, summary: str, *, audited: bool = False) -> argparse.ArgumentParser:
    description = f"{summary[0].upper()}{summary[1:]}.{' Audited.' if audited else ''}"
    parser = actions.add_parser(name, help=summary, description=description)
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; see the description for exit codes."""
    actions: Mapping[str, Callable[[psycopg.Connection, argparse.Namespace], int]] = {
        "list": _list,
        "set": _set,
        "watch": _watch,
        "unblock": _unblock,
    }
    with connect(need_database_url(Settings.from_env())) as connection:
        connection.autocommit = True
        try:
            return actions[args.action](connection, args)
        except psycopg.OperationalError:
            raise
        except psycopg.Error as error:
            wrong = (error.sqlstate or "").startswith("PT4")
            print(f"quire limits: {advice(error) or error.diag.message_primary or error}", file=sys.stderr)
            return _USAGE if wrong else 1


def _list(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    rows = _rows(connection, "select * from ops.list_rate_policies()")
    if args.json:
        _print_json(rows)
        return 0
    print(f"{'policy':<14} {'points':>6} {'window':>8} {'block':>8}  {'per':<9} {'mode':<8} on failure")
    for row in rows:
        print(
            f"{row['name']:<14} {row['points']:>6} {row['window_seconds']:>6} s {row['block_seconds']:>6} s "
            f" {row['per']:<9} {row['mode']:<8} {row['on_failure']}"
        )
    return 0


def _set(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    given = (args.points, args.window, args.block, args.per, args.mode, args.on_failure)
    if all(value is None for value in given):
        print("quire limits: say what to change, such as --points 60", file=sys.stderr)
        return _USAGE
    new = _rows(connection, "select ops.set_rate_policy(%s, %s, %s, %s, %s, %s, %s) as new", args.name, *given)[0][
        "new"
    ]
    if args.json:
        _print_json({"changed": new})
    else:
        print(f"{args.name}: changed" if new else f"{args.name}: is so already")
    return 0


def _watch(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    if not 0 <= args.share <= 1 or not 0.1 <= args.every <= 3600:
        print("quire limits: --share takes 0 to 1, --every 0.1 to 3600 seconds", file=sys.stderr)
        return _USAGE
    live = sys.stdout.isatty() and not args.once and not args.json
    while True:
        rows = _rows(connection, "select * from ops.list_limited(%s, %s::numeric)", args.limit, args.share)
        if live:
            print("\x1b[H\x1b[2J", end="")
        if args.json:
            _print_json(rows, indent=None if not args.once else 2)
        else:
            _show(rows)
        sys.stdout.flush()
        if args.once:
            return 0
        time.sleep(args.every)


def _show(rows: list[dict[str, Any]]) -> None:
    now = datetime.now(UTC)
    print(f"{now:%H:%M:%S}Z  {len(rows)} limited or close to it")
    if rows:
        print(f"{'policy':<14} {'state':<8} {'used':>11} {'for':>6}  who")
    for row in rows:
        seconds = max(0, round((row["until"] - now).total_seconds())) if row["until"] else 0
        dry = " (dry-run)" if row["mode"] == "dry-run" else ""
        who = _line(f"{row['who']}  {row['key']}" if row["who"] else row["key"])
        used = f"{row['used']}/{row['points']}"
        print(f"{row['policy']:<14} {row['state']:<8} {used:>11} {seconds:>4} s  {who}{dry}")


def _unblock(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    count = _rows(connection, "select ops.unblock_limit(%s, %s) as count", args.key, args.policy)[0]["count"]
    if args.json:
        _print_json({"unblocked": count})
    elif count:
        print(f"{_line(args.key)}: has all points of {count} polic{'y' if count == 1 else 'ies'} again")
    else:
        print(f"{_line(args.key)}: nothing was counted for it", file=sys.stderr)
    return 0 if count else 1


def _rows(connection: psycopg.Connection, statement: str, *arguments: object) -> list[dict[str, Any]]:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(statement.encode(), arguments).fetchall()


def _print_json(value: object, indent: int | None = 2) -> None:
    def text(other: object) -> str:
        if isinstance(other, datetime):
            return other.astimezone(UTC).isoformat().replace("+00:00", "Z")
        return str(other)

    print(json.dumps(value, default=text, ensure_ascii=False, indent=indent))


def _line(text: str) -> str:
    """One line without characters that steer a terminal."""
    return "".join(letter if letter.isprintable() else " " for letter in text)[:200]

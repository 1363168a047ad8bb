"""`quire audit`: who did what."""

from __future__ import annotations

import argparse

import psycopg

from app.people_cli import WHERE, Row, print_rows, run_action, user_id, uuid_argument
from db.commands import Subparsers, number

# What functions of the database write down.
ACTIONS = (
    "dead_letters.discard", "dead_letters.replay", "indexing.pause", "indexing.resume", "indexing.scaling",
    "limits.set", "limits.unblock", "members.add", "members.change", "members.remove", "models.abort", "models.drop",
    "models.fill", "models.switch", "pages.repair", "pages.restore", "readers.add", "readers.remove",
    "schedule.change", "subjects.disable", "subjects.link", "tokens.create", "tokens.revoke", "tokens.rotate",
    "users.create", "workspaces.create", "workspaces.rename",
)  # fmt: skip


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire audit` to the command line."""
    parser = subparsers.add_parser(
        "audit",
        help="who did what: tokens, members, restores, the indexing queue",
        description="The audit log, newest first: what was done to tokens, users, workspaces, members, rate limits, the"
        " indexing queue, embedding models and the scheduler, and restored and repaired pages. Kept 365 days."
        " Who worked on the database itself is its login. " + WHERE,
        epilog=f"Actions: {', '.join(ACTIONS)}.",
    )
    parser.add_argument("--action", dest="only", metavar="ACTION", choices=ACTIONS, help="only this one of those below")
    parser.add_argument("--workspace", type=uuid_argument, metavar="ID", help="only about this workspace")
    parser.add_argument("--user", metavar="USER", help="only by this user: name or id")
    parser.add_argument(
        "--limit", type=number(1, 1000), default=50, metavar="N", help="at most so many, 1 to 1000 (default: 50)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, one object a line")
    parser.set_defaults(action="list")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; exit code 0, or 1 with the reason on standard error."""
    return run_action("audit", {"list": _list}, args)


def _list(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    user = user_id(connection, args.user) if args.user else None
    rows = connection.execute(
        "select at, actor_name, action, workspace_id, details, actor_user_id, actor_token_id"
        " from ops.list_audit(%s, %s, %s, null, null, %s)",
        [args.only, args.workspace, user, args.limit],
    ).fetchall()
    columns = (("at", 17), ("actor_name", 20), ("action", 20), ("workspace_id", 36), ("details", 0))
    return print_rows(rows, columns, args.json)

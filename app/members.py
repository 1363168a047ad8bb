"""`quire member`: who is in a workspace, and with which role."""

from __future__ import annotations

import argparse

import psycopg

from app.people_cli import WHERE, Failed, Row, add_action, one, print_rows, run_action, user_id, uuid_argument
from db.commands import Subparsers
from db.settings import ROLES

_PART = 1000


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire member` to the command line."""
    parser = subparsers.add_parser(
        "member",
        help="who is in a workspace, and with which role",
        description="Members of a workspace: a viewer reads, an editor also writes, an owner also manages members. The"
        " last owner can be neither removed nor made less. A change counts from the next request on, and is in the"
        " audit log (`quire audit`). " + WHERE,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    listing = add_action(actions, "list", "list members of a workspace", listing=True)
    add = add_action(actions, "add", "let a user into a workspace")
    role = add_action(actions, "role", "change the role of a member")
    remove = add_action(actions, "remove", "take a user out of a workspace; what it wrote stays")
    for action in (listing, add, role, remove):
        action.add_argument("workspace", type=uuid_argument, help="its id, as `quire workspace list` shows it")
    for action in (add, role, remove):
        action.add_argument("user", help="name or id")
    add.add_argument("--role", choices=ROLES, default="editor", help="(default: editor)")
    role.add_argument("role", choices=ROLES, help="the new one")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; exit code 0, or 1 with the reason on standard error."""
    return run_action("member", {"list": _list, "add": _put, "role": _put, "remove": _remove}, args)


def _list(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    rows: list[Row] = []
    after = None
    while part := connection.execute(
        "select * from ops.list_members(%s, %s, %s)", [args.workspace, after, _PART]
    ).fetchall():
        rows += part
        after = part[-1]["user_id"]
    return print_rows(rows, (("user_id", 36), ("role", 6), ("created_at", 17), ("name", 0)), args.json)


def _put(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    user = user_id(connection, args.user)
    new = one(connection, "select ops.add_member(%s, %s, %s)", args.workspace, user, args.role)
    if new and args.action == "role":
        raise Failed(f"{args.user} is no member of {args.workspace}: `quire member add` makes it one")
    print(f"{args.user} is {args.role} of {args.workspace}")
    return 0


def _remove(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    user = user_id(connection, args.user)
    connection.execute("select ops.remove_member(%s, %s)", [args.workspace, user])
    print(f"{args.user} is out of {args.workspace}")
    return 0

"""`quire workspace`: create, list and rename workspaces."""

from __future__ import annotations

import argparse

import psycopg

from app.people_cli import WHERE, Row, add_action, one, parts, print_rows, run_action, user_id, uuid_argument
from db.commands import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire workspace` to the command line."""
    parser = subparsers.add_parser(
        "workspace",
        help="create, list and rename workspaces",
        description="Workspaces hold pages; who sees them is said by `quire member`. There is no removal: pages go with"
        " `DELETE`, and a workspace without members is seen by nobody. Whatever is changed is in the audit log"
        " (`quire audit`). " + WHERE,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = add_action(actions, "create", "make a workspace and print its id")
    create.add_argument("name", help="what people call it; names may repeat")
    create.add_argument("--owner", metavar="USER", help="name or id of the user that becomes its owner")
    add_action(actions, "list", "list workspaces with their members", listing=True)
    rename = add_action(actions, "rename", "give a workspace another name")
    rename.add_argument("id", type=uuid_argument, help="as `quire workspace list` shows it")
    rename.add_argument("name", help="the new name")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; exit code 0, or 1 with the reason on standard error."""
    return run_action("workspace", {"create": _create, "list": _list, "rename": _rename}, args)


def _create(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    owner = user_id(connection, args.owner) if args.owner else None
    print(one(connection, "select ops.create_workspace(%s, %s)", args.name, owner))
    return 0


def _list(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    rows = parts(connection, "select * from ops.list_workspaces(%s, %s)", "id")
    columns = (("id", 36), ("created_at", 17), ("members", 7), ("owners", 6), ("name", 0))
    return print_rows(rows, columns, args.json)


def _rename(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    connection.execute("select ops.rename_workspace(%s, %s)", [args.id, args.name])
    print(f"{args.id} is {args.name}")
    return 0

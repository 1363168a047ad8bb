"""`quire user`: create and list users; whom the subject of a JWT is."""

from __future__ import annotations

import argparse

import psycopg

from app.people_cli import WHERE, Failed, Row, add_action, one, parts, print_rows, run_action, user_id
from db.commands import Subparsers
from db.settings import Settings


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire user` to the command line."""
    parser = subparsers.add_parser(
        "user",
        help="create and list users, and say whom a JWT's subject is",
        description="Users own tokens and are members of workspaces. Where JWTs are taken (QUIRE_JWT_ISSUER), a user"
        " may also be the subject of an issuer. Whatever is changed is in the audit log (`quire audit`). " + WHERE,
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add_action(actions, "create", "make a user and print its id").add_argument("name", help="login name or e-mail")
    add_action(actions, "list", "list users with their workspaces, valid tokens and subjects", listing=True)
    add_action(actions, "subjects", "list whom issuers of JWTs vouch for", listing=True)
    link = add_action(actions, "link", "let JWTs of a subject act as a user")
    link.add_argument("user", help="name or id")
    disable = add_action(actions, "disable", "refuse JWTs of a subject from now on; `link` lets it in again")
    for action in (link, disable):
        action.add_argument("--subject", required=True, help="as the claim of QUIRE_JWT_USER_CLAIM (sub) says it")
        action.add_argument("--issuer", help="as the claim iss says it (default: QUIRE_JWT_ISSUER)")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; exit code 0, or 1 with the reason on standard error."""
    return run_action(
        "user",
        {"create": _create, "list": _list, "subjects": _subjects, "link": _link, "disable": _disable},
        args,
    )


def _create(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    print(one(connection, "select ops.create_user(%s)", args.name))
    return 0


def _list(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    rows = parts(connection, "select * from ops.list_users(%s, %s)", "id")
    columns = (("id", 36), ("created_at", 17), ("workspaces", 10), ("tokens", 6), ("subjects", 8), ("name", 0))
    return print_rows(rows, columns, args.json)


def _subjects(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    rows: list[Row] = []
    after = ("", "")
    while part := connection.execute("select * from ops.list_subjects(null, %s, %s)", after).fetchall():
        rows += part
        after = (part[-1]["issuer"], part[-1]["subject"])
    columns = (
        ("user_name", 24),
        ("last_seen_at", 17),
        ("disabled_at", 17),
        ("issuer", 32),
        ("subject", 0),
    )
    return print_rows(rows, columns, args.json)


def _link(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    user = user_id(connection, args.user)
    issuer = _issuer(args)
    connection.execute("select ops.link_subject(%s, %s, %s)", [issuer, args.subject, user])
    print(f"JWTs of {args.subject} at {issuer} act as {args.user}")
    return 0


def _disable(connection: psycopg.Connection[Row], args: argparse.Namespace) -> int:
    issuer = _issuer(args)
    if not one(connection, "select ops.disable_subject(%s, %s)", issuer, args.subject):
        raise Failed(f"there is no subject {args.subject} at {issuer} that is let in: see `quire user subjects`")
    print(f"JWTs of {args.subject} at {issuer} are refused from now on")
    return 0


def _issuer(args: argparse.Namespace) -> str:
    issuer = args.issuer or Settings.from_env().jwt_issuer
    if issuer is None:
        raise Failed("name the issuer: --issuer, or QUIRE_JWT_ISSUER")
    return issuer

"""`quire token`: create, list, rotate and revoke access tokens."""

from __future__ import annotations

import argparse
import re
import sys
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg

from app.quickstart import FILE_NAME, read_env_file
from app.seed import new_token, token_hash
from db.commands import Subparsers
from db.requirements import advice
from db.settings import ROLES, Settings

SCOPES = ("read", "write", "admin", "metrics", "bypass_rate_limit")
_PART = 1000  # tokens of one part of the list
_LIFETIME = re.compile(r"^([1-9][0-9]{0,4})([hd])$")


def add_parser(subparsers: Subparsers) -> None:
    """Add `quire token` to the command line."""
    parser = subparsers.add_parser(
        "token",
        help="create, list, rotate and revoke access tokens",
        description="Access tokens. The database keeps only their sha256: a token is shown once, when it is made. "
        "Whatever is made, rotated or revoked is in the audit log (`quire audit`). "
        "Works on DATABASE_URL, else on the database of a running `quire up` (DATA).",
    )
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    create = actions.add_parser("create", help="make a token and print it")
    create.add_argument("--user", required=True, metavar="NAME", help="whose token; a new name makes a new user")
    create.add_argument("--name", default="", help="what to call the token")
    create.add_argument(
        "--scopes", default="read,write", help=f"of {', '.join(SCOPES)}, with commas between (default: read,write)"
    )
    create.add_argument("--expires", metavar="TIME", help="such as 12h or 90d (default: never)")
    create.add_argument(
        "--workspace", action="append", default=[], metavar="ID", help="make the user a member; may be given again"
    )
    create.add_argument("--role", choices=ROLES, default="editor", help="in those workspaces (default: editor)")
    listing = actions.add_parser("list", help="list tokens, newest first: owner, expiry, last use, scopes")
    listing.add_argument("--user", metavar="NAME", help="only this user's")
    rotate = actions.add_parser(
        "rotate",
        help="make a new token in place of another and print it",
        description="A new token of the same user, name, scopes and expiry, shown once; the old one is refused when the"
        " grace is over. Both or neither: it is one transaction.",
    )
    rotate.add_argument("id", type=_uuid, help="of the old one, as `quire token list` shows it")
    rotate.add_argument(
        "--grace",
        default="0s",
        metavar="TIME",
        help="how long the old one goes on, such as 10m, 1h or 7d (default: 0s)",
    )
    revoke = actions.add_parser("revoke", help="refuse a token from now on")
    revoke.add_argument("id", type=_uuid, help="its id, as `quire token list` shows it")


def run(args: argparse.Namespace) -> int:
    """Do what the command line says; exit code 0, or 1 with the reason on standard error."""
    conninfo = _conninfo()
    if conninfo is None:
        return _fail("no database: set DATABASE_URL, or DATA to the folder of a running `quire up`")
    try:
        with psycopg.connect(conninfo) as connection:
            if args.action == "create":
                return _create(connection, args)
            if args.action == "rotate":
                return _rotate(connection, args.id, args.grace)
            return _list(connection, args.user) if args.action == "list" else _revoke(connection, args.id)
    except psycopg.errors.ForeignKeyViolation:
        return _fail("there is no such workspace: nothing was made")
    except psycopg.Error as error:
        if error.sqlstate is None:
            return _fail(f"the database cannot be reached: {error}")
        return _fail(advice(error) or f"the database refuses: {error.diag.message_primary or error}")


def _create(connection: psycopg.Connection, args: argparse.Namespace) -> int:
    scopes = [scope.strip() for scope in str(args.scopes).split(",") if scope.strip()]
    if not scopes or any(scope not in SCOPES for scope in scopes):
        return _fail(f"--scopes takes {', '.join(SCOPES)}, with commas between")
    expires = _expiry(args.expires)
    if args.expires and expires is None:
        return _fail("--expires takes a time such as 12h or 90d")
    try:
        workspaces = [UUID(text) for text in args.workspace]
    except ValueError:
        return _fail("--workspace takes the id of a workspace, a UUID")
    user = _one(connection, "select ops.find_user(%s)", args.user)
    if user is None:
        user = _one(connection, "select ops.create_user(%s)", args.user)
        print(f"new user {args.user}", file=sys.stderr)
    for workspace in workspaces:
        connection.execute("select ops.add_member(%s, %s, %s)", [workspace, user, args.role])
    token = new_token()
    token_id = _one(
        connection, "select ops.create_token(%s, %s, %s, %s, %s)", user, token_hash(token), args.name, scopes, expires
    )
    connection.commit()
    print(f"token {token_id} of {args.user} ({', '.join(scopes)}): shown this once", file=sys.stderr)
    print(token)
    return 0


def _list(connection: psycopg.Connection, user: str | None) -> int:
    user_id = None
    if user is not None:
        user_id = _one(connection, "select ops.find_user(%s)", user)
        if user_id is None:
            return _fail(f"there is no user {user}: see `quire user list`")
    rows: list[tuple[Any, ...]] = []
    while not rows or len(rows) % _PART == 0:
        part = connection.execute(
            "select id, user_name, name, scopes, created_at, expires_at, revoked_at, last_used_at"
            " from ops.list_tokens(%s, %s, %s)",
            [user_id, rows[-1][0] if rows else None, _PART],
        ).fetchall()
        if not part:
            break
        rows += part
    print(f"{'id':36}  {'user':20}  {'state':20}  {'last used':16}  {'scopes':40}  name")
    for token_id, owner, name, scopes, _created, expires, revoked, used in rows:
        print(
            f"{token_id!s:36}  {owner[:20]:20}  {_state(expires, revoked):20}  {_time(used):16}"
            f"  {','.join(scopes):40}  {name}"
        )
    return 0


def _rotate(connection: psycopg.Connection, old: UUID, grace: str) -> int:
    seconds = _seconds(grace)
    if seconds is None:
        return _fail("--grace takes a time such as 0s, 10m, 1h or 7d")
    token = new_token()
    token_id = _one(
        connection, "select ops.rotate_token(%s, %s, %s)", old, token_hash(token), timedelta(seconds=seconds)
    )
    connection.commit()
    print(
        f"token {token_id} in place of {old}, which is refused {f'in {grace}' if seconds else 'from now on'}:"
        " shown this once",
        file=sys.stderr,
    )
    print(token)
    return 0


def _revoke(connection: psycopg.Connection, token_id: UUID) -> int:
    if not _one(connection, "select ops.revoke_token(%s)", token_id):
        return _fail(f"there is no token {token_id} that is not revoked yet: see `quire token list`")
    connection.commit()
    print(f"revoked {token_id}")
    return 0


def _conninfo() -> str | None:
    settings = Settings.from_env()
    return settings.database_url or read_env_file(settings.data / FILE_NAME).get("DATABASE_URL")


def _one(connection: psycopg.Connection, statement: str, *arguments: object) -> object:
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return row[0]


def _expiry(text: str | None) -> datetime | None:
    found = _LIFETIME.match(text or "")
    if found is None:
        return None
    return datetime.now(UTC) + timedelta(**{{"h": "hours", "d": "days"}[found[2]]: int(found[1])})


def _seconds(text: str) -> int | None:
    found = re.match(r"^([0-9]{1,7})([smhd])$", text)
    return None if found is None else int(found[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86_400}[found[2]]


def _state(expires: datetime | None, revoked: datetime | None) -> str:
    if revoked is not None and revoked <= datetime.now(UTC):
        return "revoked"
    if revoked is not None and (expires is None or revoked < expires):
        return f"ends {_time(revoked)}"  # the grace of a rotation
    if expires is None:
        return "valid"
    return f"{'expired' if expires <= datetime.now(UTC) else 'until'} {_time(expires)}"


def _time(moment: datetime | None) -> str:
    return "never" if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%d %H:%MZ")


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise argparse.ArgumentTypeError("the id of a token is a UUID") from None


def _fail(reason: str) -> int:
    print(f"quire token: {reason}", file=sys.stderr)
    return 1

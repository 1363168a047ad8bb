"""What `quire doctor` says of who can get in: the network, logins, PUBLIC."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import psycopg

from db.requirements import ServerUnfit, connect
from db.settings import Settings

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Finding:
    """One line of the report.

    Attributes:
        verdict: ok; warn (works, but not as production should be); fail (does not work).
        check: what was looked at.
        message: what was found and, unless ok, what to do.
    """

    verdict: Verdict
    check: str
    message: str


def network(connection: psycopg.Connection) -> Iterator[Finding]:
    """Who can reach the server by TCP, and how they prove who they are."""
    row = connection.execute(
        "select pg_catalog.current_setting('listen_addresses'), pg_catalog.current_setting('ssl') = 'on',"
        " pg_catalog.has_table_privilege('pg_catalog.pg_hba_file_rules', 'select')"
        " and pg_catalog.has_function_privilege('pg_catalog.pg_hba_file_rules()', 'execute')"
    ).fetchone()
    listen, encrypted, readable = row or ("", False, False)
    if not listen.strip():
        yield Finding("ok", "network", "listens on Unix sockets only")
        return
    local = all(_is_loopback(address.strip()) for address in listen.split(","))
    if local or encrypted:
        yield Finding("ok", "ssl", f"{'on' if encrypted else 'off'}; listens on {listen}")
    else:
        yield Finding(
            "warn",
            "ssl",
            f"off, and the server listens on {listen}: passwords and pages can be read on the way. Set ssl to on,"
            " `hostssl` in pg_hba.conf, and sslmode=verify-full in the URLs (docs/production-roles.md)",
        )
    if not readable:
        yield Finding("ok", "pg_hba.conf", "this login may not read it: docs/production-roles.md says what to look for")
        return
    rules = connection.execute(
        "select line_number, type, auth_method from pg_catalog.pg_hba_file_rules"
        " where type like 'host%' and error is null order by line_number"
    ).fetchall()
    found = False
    for line, kind, method in rules:
        advice = {
            "trust": "anyone who reaches the port is let in as anyone: scram-sha-256",
            "password": "" if kind == "hostssl" else "sends the password as it is: scram-sha-256",
            "md5": "takes MD5 passwords, which are as good as the password when stolen: scram-sha-256",
            "ident": "believes what the client's machine says: scram-sha-256",
        }.get(method)
        if advice:
            found = True
            yield Finding("warn", "pg_hba.conf", f"line {line}, {kind}, {method}: {advice}")
    if not found:
        yield Finding("ok", "pg_hba.conf", "nobody is let in by TCP without proof")


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def login(connection: psycopg.Connection) -> Iterator[Finding]:
    """What `quire migrate` logs in as."""
    row = connection.execute(
        "select session_user::text, rolsuper from pg_catalog.pg_roles where rolname = session_user"
    ).fetchone()
    name, superuser = row or ("?", False)
    if superuser:
        yield Finding(
            "warn",
            "login",
            f"{name} is a superuser. Fine for a try on one machine; on a server give each process a login of its own"
            " (QUIRE_API_DATABASE_URL, QUIRE_WORKER_DATABASE_URL, ..)",
        )
    else:
        yield Finding("ok", "login", f"{name}, not a superuser")


def process_logins(connection: psycopg.Connection, settings: Settings) -> Iterator[Finding]:
    """Whether what processes log in as by URLs of their own is less than the owner."""
    row = connection.execute("select session_user::text").fetchone()
    migrator = row[0] if row else None
    for name, url in (
        ("QUIRE_API_DATABASE_URL", settings.api_database_url),
        ("QUIRE_WORKER_DATABASE_URL", settings.worker_database_url),
        ("QUIRE_MONITOR_DATABASE_URL", settings.monitor_database_url),
        ("QUIRE_MAINTENANCE_DATABASE_URL", settings.maintenance_database_url),
    ):
        if url is None:
            continue
        try:
            with connect(url) as own:
                found = own.execute(
                    "select session_user::text, r.rolsuper, pg_catalog.pg_has_role(session_user, o.oid, 'member')"
                    " from pg_catalog.pg_roles as r, pg_catalog.pg_roles as o"
                    " where r.rolname = session_user and o.rolname = 'quire_owner'"
                ).fetchone()
        except ServerUnfit as error:
            yield Finding("fail", name, f"{error}")
            continue
        login, superuser, owner = found or (None, False, False)
        if login == migrator:
            continue  # said by `login`
        if superuser or (owner and name != "QUIRE_MAINTENANCE_DATABASE_URL"):
            what = "a superuser" if superuser else "a member of quire_owner"
            yield Finding("warn", name, f"logs in as {login}, {what}: an intruder in this process has all of it")
        else:
            yield Finding("ok", name, f"logs in as {login}")


def public(connection: psycopg.Connection) -> Iterator[Finding]:
    """What every login may do in this database."""
    row = connection.execute(
        "select pg_catalog.has_database_privilege('public', pg_catalog.current_database(), 'temporary'),"
        " coalesce(pg_catalog.has_schema_privilege('public', pg_catalog.to_regnamespace('public'), 'create'), false),"
        " pg_catalog.quote_ident(pg_catalog.current_database())"
    ).fetchone()
    temporary, create, database = row or (False, False, "")
    if temporary:
        yield Finding(
            "warn",
            "PUBLIC",
            f"every login may make temporary tables: `revoke temporary on database {database} from public`, and"
            " grant it to who needs it",
        )
    if create:
        yield Finding(
            "warn", "PUBLIC", "every login may create in schema public: `revoke create on schema public from public`"
        )
    if not temporary and not create:
        yield Finding("ok", "PUBLIC", "creates nothing here")

"""What `quire doctor` says of logins, the network and settings, on servers that have them wrong."""

from __future__ import annotations

import contextlib
import shutil
import signal
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.doctor import examine
from app.doctor_access import Finding
from app.tests.processes import free_port
from db.embedded import SUPERUSER, EmbeddedServer
from db.placement import remove_cluster
from db.processes import spawn, unprivileged_user
from db.server_settings import TEST_SETTINGS
from db.settings import Settings
from db.tests.cluster import PG_VERSION


def findings(database: str, **environ: str) -> list[Finding]:
    return list(examine(database, Settings.from_env({"DATABASE_URL": database, **environ})))


def said(found: list[Finding], check: str) -> list[tuple[str, str]]:
    return [(one.verdict, one.message) for one in found if one.check == check]


@pytest.fixture(scope="module")
def careless(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """A server that takes anyone by TCP, keeps MD5 passwords and does not flush; its address, as superuser."""
    folder = Path(tempfile.mkdtemp(prefix="quire-test-"))
    folder.chmod(0o755)
    settings = {**TEST_SETTINGS, "password_encryption": "md5"}
    server = EmbeddedServer(folder, PG_VERSION, settings=settings)
    server.start()  # makes the cluster, whose pg_hba.conf trusts
    server.stop()
    port = free_port()
    # The name does not exist: a warning for PostgreSQL, and nobody outside this machine can come in.
    child = spawn(
        [str(server.bin / "postgres"), "-D", str(server.cluster), "-c", f"port={port}",
         "-c", "unix_socket_directories=",
         "-c", "listen_addresses=127.0.0.1,quire-test.invalid"],
        death_signal=signal.SIGINT,
        user=unprivileged_user(),
    )  # fmt: skip
    url = f"postgresql://{SUPERUSER}@127.0.0.1:{port}/postgres"
    try:
        for _ in range(200):
            with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url, connect_timeout=5):
                break
            assert child.poll() is None
            time.sleep(0.05)
        yield url
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)
        remove_cluster(folder, PG_VERSION)
        shutil.rmtree(folder, ignore_errors=True)


def test_a_careless_server(careless: str) -> None:
    found = findings(careless)
    assert said(found, "fsync")[0][0] == "fail" and "off" in said(found, "fsync")[0][1]
    assert said(found, "full_page_writes")[0][0] == "fail"
    [(verdict, message)] = said(found, "password_encryption")
    assert verdict == "warn" and message.startswith("md5") and "scram-sha-256" in message
    [(verdict, message)] = said(found, "ssl")
    assert verdict == "warn" and "quire-test.invalid" in message and "verify-full" in message
    rules = said(found, "pg_hba.conf")
    assert rules and all(verdict == "warn" and "trust" in message for verdict, message in rules)
    [(verdict, message)] = said(found, "login")
    assert verdict == "warn" and "superuser" in message


def test_rules_of_other_kinds(careless: str) -> None:
    with psycopg.connect(careless, autocommit=True) as connection:
        row = connection.execute("show hba_file").fetchone()
        assert row is not None
        file = Path(row[0])
        kept = file.read_text()
        ours = "host all postgres 127.0.0.1/32 trust\n"
        file.write_text(
            f"{ours}host all all 10.0.0.0/8 md5\nhostnossl all all 10.0.0.0/8 password\n"
            "host all all all scram-sha-256\n"
        )
        try:
            found = said(findings(careless), "pg_hba.conf")
            assert [verdict for verdict, _ in found] == ["warn"] * 3
            assert ["trust" in found[0][1], "md5" in found[1][1], "password" in found[2][1]] == [True] * 3
            file.write_text("local all all trust\nhost all all all scram-sha-256\n")
            assert said(findings_of_rules(careless), "pg_hba.conf") == [("ok", "nobody is let in by TCP without proof")]
        finally:
            file.write_text(kept)


def findings_of_rules(database: str) -> list[Finding]:
    """pg_hba_file_rules reads the file as it is now; the server has not been told to."""
    return findings(database)


def test_a_server_on_a_socket(database: str) -> None:
    found = findings(database)
    assert said(found, "network") == [("ok", "listens on Unix sockets only")]
    assert not said(found, "ssl") and not said(found, "pg_hba.conf")
    assert said(found, "password_encryption") == [("ok", "scram-sha-256")]


def test_a_login_that_may_not_read_pg_hba_is_told_where_to_look(careless: str) -> None:
    with psycopg.connect(careless, autocommit=True) as connection:
        connection.execute("create role quire_test_plain login")
    try:
        [(verdict, message)] = said(findings(make_conninfo(careless, user="quire_test_plain")), "pg_hba.conf")
        assert verdict == "ok" and "production-roles.md" in message
    finally:
        with psycopg.connect(careless, autocommit=True) as connection:
            connection.execute("drop role quire_test_plain")


def test_logins_of_processes(database: str) -> None:
    own = {
        "QUIRE_API_DATABASE_URL": make_conninfo(database, user="quire_api"),
        "QUIRE_WORKER_DATABASE_URL": make_conninfo(database, user="quire_migrator"),
        "QUIRE_MONITOR_DATABASE_URL": make_conninfo(database, user="quire_test_missing"),
    }
    found = findings(make_conninfo(database, user="quire_migrator"), **own)
    assert said(found, "login") == [("ok", "quire_migrator, not a superuser")]
    assert said(found, "QUIRE_API_DATABASE_URL") == [("ok", "logs in as quire_api")]
    assert said(found, "QUIRE_WORKER_DATABASE_URL") == []  # the login that was named already
    assert [verdict for verdict, _ in said(found, "QUIRE_MONITOR_DATABASE_URL")] == ["fail"]
    found = findings(make_conninfo(database, user="quire_migrator"), **own | {
        "QUIRE_API_DATABASE_URL": database,
        "QUIRE_MONITOR_DATABASE_URL": make_conninfo(database, user="quire_maintenance"),
    })  # fmt: skip
    assert "a superuser" in said(found, "QUIRE_API_DATABASE_URL")[0][1]
    [(verdict, message)] = said(found, "QUIRE_MONITOR_DATABASE_URL")
    assert verdict == "warn" and "quire_owner" in message


def test_what_public_may(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as connection:
        name = connection.info.dbname
        connection.execute(f'revoke temporary on database "{name}" from public'.encode())
        assert said(findings(database), "PUBLIC") == [("ok", "creates nothing here")]
        connection.execute(f'grant temporary on database "{name}" to public'.encode())
        connection.execute("grant create on schema public to public")
        try:
            found = said(findings(database), "PUBLIC")
            assert [verdict for verdict, _ in found] == ["warn", "warn"]
            assert "revoke temporary" in found[0][1] and "revoke create on schema public" in found[1][1]
        finally:
            connection.execute("revoke create on schema public from public")

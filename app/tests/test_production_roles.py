"""docs/production-roles.md, done as it says: roles, database, pg_hba.conf, and Quire's processes under them.

What differs: the servers that tests have speak no TLS, so `hostssl` lines are read as `host`; and the superuser comes
by TCP with a password, by a line that is put before the page's.
"""

from __future__ import annotations

import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app.doctor import examine
from app.tests import contract
from app.tests.processes import Api, free_port, running_api, running_worker, wait_until
from db.embedded import SUPERUSER, EmbeddedServer
from db.migrate import check, migrate
from db.placement import remove_cluster
from db.processes import spawn, unprivileged_user
from db.server_settings import TEST_SETTINGS
from db.settings import Settings
from db.tests.cluster import PG_VERSION

PAGE = (contract.ROOT / "docs/production-roles.md").read_text(encoding="utf-8")
SCRIPT = (contract.ROOT / "db/roles.sql").read_text(encoding="utf-8")
PASSWORD = "correct-horse-4711"
LOGINS = ("quire_migrator", "quire_api", "quire_worker", "quire_monitor", "quire_maintenance")


def block(heading: str, language: str) -> str:
    """The first block of that language below a heading of the page."""
    found = re.search(rf"^## {heading}$.*?^```{language}\n(.*?)^```$", PAGE, re.S | re.M)
    assert found is not None, heading
    return found[1]


def url(port: int, user: str, database: str = "postgres") -> str:
    return f"postgresql://{user}:{PASSWORD}@127.0.0.1:{port}/{database}"


@pytest.fixture(scope="module")
def port() -> Generator[int]:
    """A server by TCP with the page's pg_hba.conf; its port."""
    folder = Path(tempfile.mkdtemp(prefix="quire-test-"))
    folder.chmod(0o755)
    server = EmbeddedServer(folder, PG_VERSION, settings={**TEST_SETTINGS, "password_encryption": "scram-sha-256"})
    server.start()
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"alter role {SUPERUSER} password '{PASSWORD}'".encode())
        # Who may make roles and databases, and nothing else: a DBA of a server that others run.
        connection.execute(f"create role dba login createrole createdb password '{PASSWORD}'".encode())
    server.stop()
    number = free_port()
    rules = re.sub(r"\d+\.\d+\.\d+\.\d+/\d+", "127.0.0.1/32", block("pg_hba.conf", "text"))
    rules = rules.replace("hostssl", "host   ")
    (server.cluster / "pg_hba.conf").write_text(f"host all {SUPERUSER},dba 127.0.0.1/32 scram-sha-256\n{rules}")
    child = spawn(
        [str(server.bin / "postgres"), "-D", str(server.cluster), "-c", f"port={number}",
         "-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1"],
        death_signal=signal.SIGINT,
        user=unprivileged_user(),
    )  # fmt: skip
    try:
        for _ in range(200):
            with (
                contextlib.suppress(psycopg.OperationalError),
                psycopg.connect(url(number, SUPERUSER), connect_timeout=5),
            ):
                break
            assert child.poll() is None
            time.sleep(0.05)
        yield number
    finally:
        child.send_signal(signal.SIGINT)
        child.wait(30)
        remove_cluster(folder, PG_VERSION)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def warnings(port: int) -> list[str]:
    """What db/roles.sql says to a DBA who is no superuser. Then the rest of the page's section "Roles", by who may."""
    said: list[str] = []
    with psycopg.connect(url(port, "dba"), autocommit=True) as connection:
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        for _ in range(2):
            connection.execute(SCRIPT.encode())
    with psycopg.connect(url(port, SUPERUSER), autocommit=True) as connection:
        for sentence in set(said):
            connection.execute(re.sub(r"^.*?: (grant \w+ to \w+);.*$", r"\1", sentence, flags=re.S).encode())
        for login in LOGINS:
            connection.execute(f"alter role {login} password '{PASSWORD}'".encode())
    create, others = block("Roles", "sql").split("\\c quire\n")
    with psycopg.connect(url(port, SUPERUSER), autocommit=True) as connection:
        connection.execute(create.encode())
    with psycopg.connect(url(port, SUPERUSER, "quire"), autocommit=True) as connection:
        connection.execute(others.encode())
    return said


@pytest.fixture(scope="module")
def migrated(port: int, warnings: list[str]) -> Generator[str]:
    """The database, migrated by quire_migrator; a superuser's conninfo."""
    migrate(url(port, "quire_migrator", "quire"), log=lambda _: None)
    yield url(port, SUPERUSER, "quire")


def test_the_script_needs_no_superuser_and_says_what_does(port: int, warnings: list[str]) -> None:
    assert len(warnings) == 4, "two grants, said each time"
    assert "grant pg_monitor to quire_monitor" in warnings[0]
    assert "grant pg_read_all_stats to quire_owner" in warnings[1]
    with psycopg.connect(url(port, SUPERUSER), autocommit=True) as connection:
        more: list[str] = []
        connection.add_notice_handler(lambda notice: more.append(notice.message_primary or ""))
        connection.execute(SCRIPT.encode())
        assert more == []
        rows = connection.execute(
            "select rolname from pg_roles where rolname ~ '^quire_'"
            " and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls)"
        ).fetchall()
        assert rows == []


def test_attributes_that_a_role_should_not_have_are_told(port: int, warnings: list[str]) -> None:
    with psycopg.connect(url(port, SUPERUSER), autocommit=True) as connection:
        said: list[str] = []
        connection.add_notice_handler(lambda notice: said.append(notice.message_primary or ""))
        connection.execute("alter role quire_api bypassrls")
        try:
            connection.execute(SCRIPT.encode())
        finally:
            connection.execute("alter role quire_api nobypassrls")
        assert len(said) == 1 and "quire_api has attributes" in said[0]


def test_who_gets_in_by_the_pages_lines(port: int, migrated: str) -> None:
    for login in LOGINS:
        with psycopg.connect(url(port, login, "quire")) as connection:
            assert connection.info.user == login
        with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
            psycopg.connect(url(port, login, "postgres"))
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(make_conninfo(url(port, login, "quire"), password="guessed"))
    with psycopg.connect(migrated, autocommit=True) as connection:
        connection.execute(f"create role ann login password '{PASSWORD}' in role quire_analyst".encode())
        connection.execute(f"create role bob login password '{PASSWORD}'".encode())
    with psycopg.connect(url(port, "ann", "quire")) as connection:
        assert connection.execute("select count(*) from core.pages").fetchone() == (0,)
    with pytest.raises(psycopg.OperationalError, match=r"pg_hba\.conf rejects"):
        psycopg.connect(url(port, "bob", "quire"))


def test_the_timeouts_are_the_logins_own(port: int, migrated: str) -> None:
    for login, timeout in (("quire_api", "10s"), ("quire_worker", "1min"), ("quire_monitor", "2s")):
        with psycopg.connect(url(port, login, "quire")) as connection:
            assert connection.execute("show statement_timeout").fetchone() == (timeout,)


def test_quire_works_under_these_roles(port: int, migrated: str, tmp_path: Path) -> None:
    """The API, the worker and migrate, each with its own login alone and no superuser anywhere."""
    assert check(url(port, "quire_migrator", "quire")) == []
    api_env = {
        "DATABASE_URL": "",
        "QUIRE_API_DATABASE_URL": url(port, "quire_api", "quire"),
        "QUIRE_MONITOR_DATABASE_URL": url(port, "quire_monitor", "quire"),
    }
    worker_env = {
        "DATABASE_URL": "",
        "QUIRE_WORKER_DATABASE_URL": url(port, "quire_worker", "quire"),
        "QUIRE_MAINTENANCE_DATABASE_URL": url(port, "quire_maintenance", "quire"),
    }
    with (
        running_api(migrated, tmp_path / "api", **api_env) as api,
        running_worker(migrated, tmp_path / "worker", **worker_env),
    ):
        page = api.create(title="Tides", blocks=[{"type": "paragraph", "data": {"text": "zebrafish"}}])
        wait_until(lambda: '"drained"' in (tmp_path / "worker").read_text())
        assert hits(api) == [page]
        assert api.metric("quire_database_up") == 1.0
        with psycopg.connect(migrated) as connection:
            rows = connection.execute(
                "select distinct usename from pg_stat_activity"
                " where backend_type = 'client backend' and pid <> pg_backend_pid()"
            ).fetchall()
        assert {"quire_api", "quire_monitor", "quire_worker"} <= {name for (name,) in rows} <= set(LOGINS)
        assert api.events("fault") == []
        shown = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
        assert "worker.main" in shown and PASSWORD not in shown
    assert '"level": "error"' not in (tmp_path / "worker").read_text()
    assert "periodic work failed" not in (tmp_path / "worker").read_text()


def hits(api: Api) -> list[str]:
    answer = api.client().get("/search", params={"q": "zebrafish", "mode": "text"})
    assert answer.status_code == 200
    return [hit["page_id"] for hit in answer.json()["hits"]]


def test_doctor_finds_nothing_to_say_of_logins(port: int, migrated: str) -> None:
    names = {
        "QUIRE_API_DATABASE_URL": "quire_api",
        "QUIRE_WORKER_DATABASE_URL": "quire_worker",
        "QUIRE_MONITOR_DATABASE_URL": "quire_monitor",
        "QUIRE_MAINTENANCE_DATABASE_URL": "quire_maintenance",
    }
    environ = {name: url(port, login, "quire") for name, login in names.items()}
    database = url(port, "quire_migrator", "quire")
    found = list(examine(database, Settings.from_env({"DATABASE_URL": database, **environ})))
    wrong = {one.check for one in found if one.verdict != "ok"}
    # The test's server does not flush, for speed.
    assert wrong <= {"fsync", "full_page_writes", "synchronous_commit", "track_functions", "track_io_timing"}, wrong
    texts = " ".join(one.message for one in found)
    assert PASSWORD not in texts
    for name in names:
        assert f"there; {name} has a login of its own" in texts
    # Without the URLs of processes it says what to give them.
    alone = list(examine(database, Settings.from_env({"DATABASE_URL": database})))
    [told] = [one for one in alone if one.check == "role quire_api"]
    assert told.verdict == "warn" and "QUIRE_API_DATABASE_URL" in told.message

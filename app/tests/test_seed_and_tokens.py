"""The first workspace, and `quire token`."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Generator

import psycopg
import pytest

from app.seed import ensure_quickstart, token_hash
from app.tests import contract
from app.tests.processes import Api
from db.settings import Settings, SettingsError
from db.tests.cluster import Cluster


@pytest.fixture(scope="module")
def settings(database: str) -> Settings:
    return Settings.from_env({"DATABASE_URL": database})


@pytest.fixture
def rows(database: str) -> Generator[psycopg.Connection]:
    with psycopg.connect(database, autocommit=True) as connection:
        yield connection


def pages(connection: psycopg.Connection) -> int:
    row = connection.execute("select count(*) from core.pages where deleted_at is null").fetchone()
    assert row is not None
    return row[0]


def test_the_first_workspace_is_made_once(settings: Settings, rows: psycopg.Connection) -> None:
    first = ensure_quickstart(settings)
    made = pages(rows)
    assert made >= 3
    again = ensure_quickstart(settings, token=first.token, admin_token=first.admin_token)
    assert again == first
    assert pages(rows) == made
    lost = ensure_quickstart(settings, token="quire_forgotten", admin_token=first.admin_token)
    assert (lost.workspace_id, lost.admin_token) == (first.workspace_id, first.admin_token)
    assert lost.token not in (first.token, "quire_forgotten")
    scopes = rows.execute(
        "select scopes from core.tokens where token_hash = %s", [token_hash(first.admin_token)]
    ).fetchone()
    assert scopes == (["read", "write", "admin", "metrics", "bypass_rate_limit"],)
    assert rows.execute(
        "select m.role from core.workspace_members as m join core.users as u on u.id = m.user_id"
        " where m.workspace_id = %s",
        [first.workspace_id],
    ).fetchall() == [("owner",)]


def test_a_failed_start_leaves_nothing_half_made(cluster: Cluster) -> None:
    with cluster.temporary() as conninfo, psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("alter function api.create_page rename to create_page_away")
        fresh = Settings.from_env({"DATABASE_URL": conninfo})
        with pytest.raises(psycopg.errors.UndefinedFunction):
            ensure_quickstart(fresh)
        assert connection.execute("select count(*) from core.workspaces").fetchone() == (0,)
        connection.execute("alter function api.create_page_away rename to create_page")
        assert ensure_quickstart(fresh).token
        assert pages(connection) >= 3


def test_without_a_database_it_says_so() -> None:
    with pytest.raises(SettingsError, match="DATABASE_URL"):
        ensure_quickstart(Settings.from_env({}))


def quire_token(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "token", *arguments],
        env={**env, "DATABASE_URL": database},
        cwd=contract.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_a_token_is_created_used_listed_and_revoked(api: Api) -> None:
    made = quire_token(
        api.database,
        "create",
        *("--user", "Ada", "--name", "laptop", "--scopes", "read", "--expires", "30d"),
        *("--workspace", str(api.workspace), "--role", "viewer"),
    )
    assert made.returncode == 0, made.stderr
    token = made.stdout.strip()
    assert token.startswith("quire_")
    client = api.client(token)
    assert client.get("/pages").status_code == 200
    listed = quire_token(api.database, "list").stdout
    line = next(line for line in listed.splitlines() if "Ada" in line)
    assert "until" in line and "read" in line and "laptop" in line
    assert token not in listed
    token_id = line.split()[0]
    assert quire_token(api.database, "revoke", token_id).returncode == 0
    assert client.get("/pages").json()["code"] == "token_invalid"
    again = quire_token(api.database, "revoke", token_id)
    assert (again.returncode, "not revoked yet" in again.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("create", "--user", "Eve", "--scopes", "fly"), "--scopes takes"),
        (("create", "--user", "Eve", "--expires", "soon"), "--expires takes"),
        (("create", "--user", "Eve", "--workspace", "mine"), "--workspace takes"),
        (("create", "--user", "Eve", "--workspace", "00000000-0000-4000-8000-000000000000"), "no such workspace"),
    ],
)
def test_what_cannot_be_made_is_said_and_nothing_is_left(api: Api, arguments: tuple[str, ...], reason: str) -> None:
    done = quire_token(api.database, *arguments)
    assert (done.returncode, reason in done.stderr) == (1, True), done.stderr
    assert "Traceback" not in done.stderr
    assert "Eve" not in quire_token(api.database, "list").stdout
    with psycopg.connect(api.database) as connection:
        assert connection.execute("select ops.find_user('Eve')").fetchone() == (None,)


def test_an_unreachable_database_is_said(api: Api) -> None:
    done = quire_token("postgresql://nobody@127.0.0.1:1/none?connect_timeout=2", "list")
    assert (done.returncode, "cannot be reached" in done.stderr) == (1, True)

"""What happens when the database is slow, locked, full, killed or not there yet, and when the process is to stop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import make_conninfo

from app.seed import token_hash
from app.tests import contract
from app.tests.processes import Api, answers, free_port, running_api, wait_until
from db.embedded import EmbeddedServer, temporary_server
from db.migrate import migrate
from db.tests.cluster import PG_VERSION

JSON_PATCH = {"Content-Type": "application/json-patch+json", "If-Match": "*"}


@pytest.fixture
def tight_api(database: str, tmp_path: Path) -> Generator[Api]:
    """An API with two connections and little patience."""
    settings = {
        "QUIRE_POOL_MIN": "1",
        "QUIRE_POOL_MAX": "2",
        "QUIRE_POOL_TIMEOUT": "0.5",
        "QUIRE_POOL_MAX_WAITING": "4",
    }
    with running_api(database, tmp_path / "log", **settings) as running:
        yield running


@contextmanager
def held(api: Api, statement: str, *arguments: object) -> Generator[psycopg.Connection]:
    """A transaction that holds locks for a with block."""
    with psycopg.connect(api.database) as holder:
        holder.execute(statement.encode(), arguments)
        try:
            yield holder
        finally:
            holder.rollback()


def patch_title(client: httpx.Client, page: str, title: str) -> httpx.Response:
    return client.patch(
        f"/pages/{page}", json=[{"op": "replace", "path": "/title", "value": title}], headers=JSON_PATCH
    )


def test_a_full_pool_answers_503_and_recovers(tight_api: Api) -> None:
    page = tight_api.create()
    clients = [tight_api.client() for _ in range(12)]
    with (
        ThreadPoolExecutor(12) as pool,
        held(tight_api, "select from core.pages where id = %s for update", page),
    ):
        pending = [pool.submit(patch_title, client, page, "t") for client in clients]
        # While two wait for the page, others wait for a connection, and those beyond the queue are refused at once.
        wait_until(lambda: sum(one.done() for one in pending) >= 10)
        refused = [one.result() for one in pending if one.done()]
        assert {(a.status_code, a.json()["code"]) for a in refused} == {(503, "overloaded")}
        assert answers(f"{tight_api.url}/livez")
    # The lock is gone: the two go through, and so does all that comes after.
    assert sorted(one.result().status_code for one in pending)[:2] == [200, 200]
    assert patch_title(tight_api.client(), page, "u").status_code == 200
    assert tight_api.metric("quire_db_pool_timeouts_total") == 10


def test_a_locked_page_and_a_long_statement(database: str, tmp_path: Path) -> None:
    for setting, status, code in (
        ("lock_timeout=300ms", 503, "busy"),
        ("statement_timeout=300ms", 504, "statement_timeout"),
    ):
        url = make_conninfo(database, options=f"-c role=quire_api -c {setting}")
        with running_api(database, tmp_path / setting, QUIRE_API_DATABASE_URL=url) as api:
            page = api.create(title="before")
            with held(api, "select from core.pages where id = %s for update", page):
                answer = patch_title(api.client(), page, "after")
            assert (answer.status_code, answer.json()["code"]) == (status, code)
            assert api.client().get(f"/pages/{page}").json()["title"] == "before"
            assert api.event(answer.headers["x-request-id"])["sqlstate"] == {503: "55P03", 504: "57014"}[status]


def test_deadlocks_are_tried_again_twice(api: Api, conn: psycopg.Connection) -> None:
    """A trigger stands in for the deadlock: what counts is that 40P01 is repeated, and how often."""
    conn.execute("create sequence public.failures")
    conn.execute(
        """
        create function public.fail_first() returns trigger language plpgsql security definer as $$
        begin
            if nextval('public.failures') <= current_setting('quire.failures')::integer then
                raise exception 'deadlock detected' using errcode = '40P01';
            end if;
            return new;
        end $$
        """
    )
    conn.execute("create trigger a_fail before insert on core.pages for each row execute function public.fail_first()")
    name = conn.info.dbname
    try:
        for failures, status in ((2, 201), (3, 503)):
            conn.execute(
                sql.SQL("alter database {} set quire.failures = {}").format(
                    sql.Identifier(name), sql.Literal(str(failures))
                )
            )
            conn.execute("select setval('public.failures', 1, false)")
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where application_name = 'quire-api' and datname = current_database()"
            )
            answer = api.client().post("/pages", json={"title": f"after {failures}"})
            assert answer.status_code == status, answer.text
            if status == 503:
                assert answer.json()["code"] == "write_contention"
            row = conn.execute("select last_value from public.failures").fetchone()
            assert row == (3,)
    finally:
        conn.execute("drop trigger a_fail on core.pages")


def test_a_fault_of_ours_is_500_and_says_nothing(api: Api, conn: psycopg.Connection) -> None:
    page = api.create()
    conn.execute("alter function core.page_document rename to page_document_away")
    try:
        answer = api.client().get(f"/pages/{page}")
    finally:
        conn.execute("alter function core.page_document_away rename to page_document")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert "page_document" not in answer.text
    fault = next(line for line in api.events("fault") if line["request_id"] == answer.headers["x-request-id"])
    assert (fault["sqlstate"], fault["function"]) == ("42883", "get_page")
    assert any("api.get_page" in line for line in fault["sql_frames"])
    assert api.metric("quire_db_errors_total", function="get_page", sqlstate="42883") == 1


def test_a_client_that_goes_away_leaves_nothing_behind(api: Api) -> None:
    before = api.metric("quire_http_requests_in_flight")
    with httpx.Client(timeout=0.2, trust_env=False) as client, pytest.raises(httpx.TimeoutException):
        page = api.create()
        with held(api, "select from core.pages where id = %s for update", page):
            client.patch(
                f"{api.url}/v1/workspaces/{api.workspace}/pages/{page}",
                json=[{"op": "replace", "path": "/title", "value": "x"}],
                headers={**JSON_PATCH, "Authorization": f"Bearer {api.admin_token}"},
            )
    wait_until(lambda: api.metric("quire_http_requests_in_flight") == before)


def test_sigterm_finishes_what_has_begun(database: str, tmp_path: Path) -> None:
    with running_api(database, tmp_path / "log") as api:
        page = api.create()
        results: list[httpx.Response] = []
        with held(api, "select from core.pages where id = %s for update", page) as holder:
            thread = threading.Thread(target=lambda: results.append(patch_title(api.client(), page, "last")))
            thread.start()
            wait_until(lambda: _waits(api))
            api.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not answers(f"{api.url}/livez"))
            assert api.process.poll() is None
            holder.rollback()
            thread.join(20)
        assert api.process.wait(20) == 0
        assert results[0].status_code == 200
        with psycopg.connect(database) as connection:
            assert connection.execute("select title from core.pages where id = %s", [page]).fetchone() == ("last",)
        assert api.events("stopped")


def _waits(api: Api) -> bool:
    with psycopg.connect(api.database) as connection:
        row = connection.execute(
            "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()"
        ).fetchone()
        return row is not None and row[0] > 0


@pytest.fixture
def own_server() -> Generator[EmbeddedServer]:
    """A server that a test may kill."""
    with temporary_server(PG_VERSION) as server:
        server.create_database("quire")
        migrate(server.url("quire"), log=lambda _: None)
        yield server


def test_postgresql_is_killed_and_comes_back(own_server: EmbeddedServer, tmp_path: Path) -> None:
    url = own_server.url("quire")
    with running_api(url, tmp_path / "log", QUIRE_POOL_TIMEOUT="1", QUIRE_POOL_MIN="5") as api:
        page = api.create(title="kept")
        assert own_server.pid is not None
        os.kill(own_server.pid, signal.SIGKILL)
        client = api.client()
        answer = client.get(f"/pages/{page}")
        assert (answer.status_code, answer.json()["code"]) in {(503, "database_unavailable"), (503, "overloaded")}
        assert client.get(f"{api.url}/livez").status_code == 200
        assert client.get(f"{api.url}/readyz").status_code == 503
        assert "quire_database_up 0.0" in httpx.get(f"{api.url}/metrics", trust_env=False).text
        wait_until(lambda: own_server.pid is None)
        own_server.start()
        wait_until(lambda: answers(f"{api.url}/readyz"))
        # All of the pool's old connections are dead: no request is to find one.
        for _ in range(10):
            answer = client.get(f"/pages/{page}")
            assert (answer.status_code, answer.json().get("title")) == (200, "kept")
        assert patch_title(client, page, "on").status_code == 200


def test_the_api_waits_for_its_database(own_server: EmbeddedServer, tmp_path: Path) -> None:
    url = own_server.url("quire")
    own_server.stop()
    port = free_port()
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    env |= {"DATABASE_URL": url, "PORT": str(port), "QUIRE_POOL_TIMEOUT": "1"}
    with (tmp_path / "log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "app.main"], env=env, cwd=contract.ROOT, stderr=log)
    try:
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/livez"))
        assert answers(f"http://127.0.0.1:{port}/readyz", 503)
        time.sleep(3)  # longer than the pool's patience
        own_server.start()
        wait_until(lambda: answers(f"http://127.0.0.1:{port}/readyz"))
    finally:
        process.terminate()
        assert process.wait(20) == 0


def test_a_start_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    env = {name: value for name, value in os.environ.items() if not name.startswith(("QUIRE_", "DATABASE_URL"))}
    done = subprocess.run(
        [sys.executable, "-m", "app.main"], env=env, cwd=contract.ROOT, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 2
    assert "DATABASE_URL" in done.stderr and "quire up" in done.stderr
    assert "Traceback" not in done.stderr


def test_revocation_works_at_once(api: Api) -> None:
    token = api.new_token("read")
    client = api.client(token)
    assert client.get("/pages").status_code == 200
    with psycopg.connect(api.database) as connection:
        connection.execute("select ops.revoke_token(id) from core.tokens where token_hash = %s", [token_hash(token)])
    assert client.get("/pages").status_code == 401


def test_a_lost_connection_is_made_good_for_reads_and_told_for_saves(api: Api, conn: psycopg.Connection) -> None:
    """A read is repeated. A save is not: it might have been committed, and only its client knows what to do then."""
    page = api.create(title="there")
    client = api.client()
    for send, outcomes in (
        (lambda: client.get(f"/pages/{page}"), (200, None)),
        (lambda: patch_title(client, page, "new"), (503, "database_unavailable")),
    ):
        with (
            ThreadPoolExecutor(1) as pool,
            held(api, "lock table core.pages in access exclusive mode"),
        ):
            pending = pool.submit(send)
            wait_until(lambda: _waits(api))
            conn.execute(
                "select pg_terminate_backend(pid) from pg_stat_activity"
                " where wait_event_type = 'Lock' and datname = current_database()"
            )
        answer = pending.result()
        assert (answer.status_code, answer.json().get("code")) == outcomes
    assert client.get(f"/pages/{page}").json()["title"] == "there"

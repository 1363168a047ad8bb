"""Rate limits for operators: `quire limits` as a person or a script runs it, and the routes under /v1/limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.tests import contract
from app.tests.processes import Api, wait_until
from db.settings import as_role


@pytest.fixture(autouse=True)
def empty(conn: psycopg.Connection) -> Iterator[None]:
    """No bucket, no audit entry; policies as they were, afterwards."""
    conn.execute("truncate core.rate_buckets, core.audit_log")
    before = conn.execute("select to_jsonb(p) from core.rate_policies as p").fetchall()
    yield
    conn.execute("delete from core.rate_policies")
    for (row,) in before:
        conn.execute(
            "insert into core.rate_policies select * from jsonb_populate_record(null::core.rate_policies, %s)",
            [json.dumps(row)],
        )


@pytest.fixture
def operator(api: Api) -> httpx.Client:
    client = api.client(api.new_token("admin", user="Olga", role=None))
    client.base_url = f"{api.url}/v1"
    return client


def limits(database: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("QUIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "app.cli", "limits", *arguments],
        env={**env, "DATABASE_URL": database},
        cwd=contract.ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )


def hit(conn: psycopg.Connection, policy: str, cost: int, name: str | None = None, peer: str | None = None) -> None:
    """Points taken by a user of that name, or by a peer."""
    conn.execute(
        "select core.decide_limits(array[%s], array[%s::integer], ops.find_user(%s), null, null, %s)",
        [policy, cost, name, peer],
    )


def audit(conn: psycopg.Connection) -> list[Any]:
    """Entries about limits; making users and tokens is audited, too."""
    return conn.execute(
        "select action, actor_name, details from core.audit_log where action like 'limits.%' order by at, id"
    ).fetchall()


def test_list_and_set(database: str, conn: psycopg.Connection) -> None:
    shown = limits(database, "list")
    assert shown.returncode == 0 and "page-save          30     60 s     60 s  user      enforce  open" in shown.stdout
    done = limits(database, "set", "page-save", "--points", "40", "--mode", "dry-run")
    assert (done.returncode, done.stdout) == (0, "page-save: changed\n")
    row = next(row for row in json.loads(limits(database, "list", "--json").stdout) if row["name"] == "page-save")
    assert (row["points"], row["mode"], row["block_seconds"], row["per"]) == (40, "dry-run", 60, "user")
    assert limits(database, "set", "page-save", "--points", "40").stdout == "page-save: is so already\n"
    everything = ("--window", "30", "--block", "0", "--per", "workspace", "--mode", "enforce", "--on-failure", "closed")
    assert limits(database, "set", "page-save", *everything).returncode == 0
    assert conn.execute("select p::text from core.rate_policies as p where name = 'page-save'").fetchone() == (
        "(page-save,40,30,0,workspace,enforce,closed)",
    )
    first, second = audit(conn)
    assert first[0] == second[0] == "limits.set" and first[2]["policy"] == "page-save"
    assert (first[2]["from"]["points"], first[2]["to"]["points"]) == (30, 40)


def test_what_cannot_be_set(database: str, conn: psycopg.Connection) -> None:
    for arguments, reason in (
        (("page-save",), "say what to change"),
        (("nowhere", "--points", "1"), 'no rate policy "nowhere"'),
        (("page-save", "--points", "0"), "points must be 1 to 10000"),
        (("page-save", "--window", "86401"), "the window must be 1 to 86400"),
        (("page-save", "--block", "-1"), "the block must be 0 to 86400"),
        (("page-save", "--per", "galaxy"), "invalid choice"),
    ):
        done = limits(database, "set", *arguments)
        assert done.returncode == 2 and reason in done.stderr, arguments
    assert audit(conn) == []


def test_watch_shows_who_is_limited_and_unblock_lets_in(api: Api, database: str, conn: psycopg.Connection) -> None:
    for name in ("Ada", "Ben", "Cy"):
        api.new_token("write", user=name)
    hit(conn, "page-save", 30, "Ada")
    hit(conn, "page-save", 1, "Ada")
    hit(conn, "page-save", 25, "Ben")
    hit(conn, "page-save", 2, "Cy")
    hit(conn, "public", 600, None, "192.0.2.1")
    shown = limits(database, "watch", "--once").stdout
    rows = json.loads(limits(database, "watch", "--once", "--json").stdout)
    assert [(row["policy"], row["state"], row["who"], row["used"]) for row in rows] == [
        ("page-save", "blocked", "Ada", 30),
        ("public", "full", None, 600),
        ("page-save", "close", "Ben", 25),
    ]
    assert "3 limited or close to it" in shown and "30/30" in shown and "192.0.2.1" in shown
    assert len(json.loads(limits(database, "watch", "--once", "--json", "--share", "0.05").stdout)) == 4
    assert limits(database, "watch", "--share", "2").returncode == 2

    done = limits(database, "unblock", "Ada", "--policy", "page-read")
    assert (done.returncode, done.stderr) == (1, "Ada: nothing was counted for it\n")
    done = limits(database, "unblock", "Ada", "--policy", "page-save")
    assert (done.returncode, done.stdout) == (0, "Ada: has all points of 1 policy again\n")
    assert limits(database, "unblock", "192.0.2.1").returncode == 0
    assert limits(database, "unblock", "Ada", "--policy", "nowhere").returncode == 2
    assert [row["who"] for row in json.loads(limits(database, "watch", "--once", "--json").stdout)] == ["Ben"]
    assert [(action, details["key"]) for action, _, details in audit(conn)][1:] == [("limits.unblock", "192.0.2.1")]


def test_the_same_over_http(operator: httpx.Client, api: Api, conn: psycopg.Connection) -> None:
    policies = operator.get("/limits").json()["policies"]
    assert {policy["name"] for policy in policies} >= {"page-save", "page-read", "search", "admin", "anonymous"}
    api.new_token("write", user="Dee")
    hit(conn, "page-save", 30, "Dee")
    hit(conn, "page-save", 1, "Dee")
    (limited,) = operator.get("/limits/blocked").json()["limited"]
    assert (limited["who"], limited["state"], limited["used"], limited["points"]) == ("Dee", "blocked", 30, 30)
    assert limited["until"].endswith("Z")
    assert operator.get("/limits/blocked?limit=201").json()["code"] == "bad_parameter"
    body = {"key": limited["key"], "policy": "page-save"}
    assert operator.post("/limits:unblock", json=body).json() == {"unblocked": 1}
    assert operator.post("/limits:unblock", json={"key": "Dee", "policy": None}).json() == {"unblocked": 0}
    assert operator.get("/limits/blocked").json() == {"limited": []}
    assert audit(conn) == [("limits.unblock", "Olga", {"key": limited["key"], "policy": "page-save", "count": 1})]


@pytest.mark.parametrize(
    ("content", "status", "code"),
    [
        (b"{", 400, "malformed_json"),
        (b"[]", 422, "document_not_object"),
        (b"{}", 422, "member_missing"),
        (b'{"key": 1}', 422, "invalid_value"),
        (b'{"key": "x", "policy": 1}', 422, "invalid_value"),
        (b'{"key": "x", "all": true}', 422, "unknown_member"),
        (b'{"key": "x", "policy": "nowhere"}', 404, "policy_not_found"),
    ],
)
def test_bodies_that_are_refused(operator: httpx.Client, content: bytes, status: int, code: str) -> None:
    answer = operator.post("/limits:unblock", content=content, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_only_operators_may(api: Api, conn: psycopg.Connection) -> None:
    stranger = api.client(api.new_token("read", "write", "metrics", role="owner"))
    for method, path in (("GET", "/limits"), ("GET", "/limits/blocked"), ("POST", "/limits:unblock")):
        answer = stranger.request(method, f"{api.url}/v1{path}", json={"key": "x"} if method == "POST" else None)
        assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    with psycopg.connect(as_role(api.database, "quire_api"), autocommit=True) as connection:
        for call in (
            "api.admin_list_limits(%s, %s)",
            "api.admin_list_limited(%s, %s, 50)",
            """api.admin_unblock_limit(%s, %s, '{"key": "x"}')""",
        ):
            with pytest.raises(psycopg.Error) as raised:
                connection.execute(f"select {call}".encode(), [uuid.uuid4(), uuid.uuid4()])
            assert raised.value.sqlstate == "PT403"
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("select ops.unblock_limit('x')")


def test_an_unblock_counts_within_two_seconds_though_the_block_is_remembered(
    api: Api, operator: httpx.Client, conn: psycopg.Connection
) -> None:
    client = api.client(api.new_token("write", user="Eve"))
    hit(conn, "page-save", 30, "Eve")
    assert [client.post("/pages", json={}).status_code for _ in range(3)] == [429, 429, 429]
    assert api.metric("quire_rate_limit_cached_total") >= 1
    assert operator.post("/limits:unblock", json={"key": "Eve"}).json() == {"unblocked": 1}
    wait_until(lambda: client.post("/pages", json={}).status_code == 201, 2.5)

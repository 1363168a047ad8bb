"""/livez, /readyz, /metrics, /openapi.json."""

from __future__ import annotations

import socket

import httpx
import psycopg
import pytest
from psycopg import sql

from app.tests import contract
from app.tests.processes import Api


def test_livez_and_readyz(api: Api) -> None:
    client = api.client("")
    assert client.get(f"{api.url}/livez").json() == {"status": "ok"}
    ready = client.get(f"{api.url}/readyz")
    assert (ready.status_code, ready.json()["status"]) == (200, "ok")
    assert client.head(f"{api.url}/livez").status_code == 200
    assert client.get(f"{api.url}/livez?x=1").json()["code"] == "unknown_parameter"


def test_readyz_wants_the_schema_of_this_release(api: Api, conn: psycopg.Connection) -> None:
    newest = conn.execute("select * from ops.migrations order by number desc limit 1").fetchone()
    number = conn.execute(
        "delete from ops.migrations where number = (select max(number) from ops.migrations) returning number"
    )
    row = number.fetchone()
    assert row is not None and newest is not None
    try:
        answer = api.client("").get(f"{api.url}/readyz")
        assert (answer.status_code, answer.json()["code"]) == (503, "not_ready")
        assert "quire migrate" in answer.json()["detail"]
    finally:
        conn.execute(
            sql.SQL("insert into ops.migrations values ({})").format(sql.SQL(", ").join(map(sql.Literal, newest)))
        )
    assert api.client("").get(f"{api.url}/readyz").status_code == 200


def test_the_contract_is_served_as_json(api: Api) -> None:
    answer = api.client("").get(f"{api.url}/openapi.json")
    assert answer.json() == contract.document()
    assert answer.json()["openapi"].startswith("3.1")


def test_metrics_of_saves(api: Api) -> None:
    client, workspace = api.client(), str(api.workspace)
    saves = {"workspace_id": workspace, "status": "success"}
    before = api.metric("page_save_duration_seconds_count", **saves)
    page = api.create(blocks=[{"type": "divider", "data": {}}])
    client.get(f"/pages/{page}")
    client.delete(f"/pages/{page}", headers={"If-Match": '"7"'})
    client.post("/pages", json=[])
    assert api.metric("page_save_duration_seconds_count", **saves) == before + 1
    assert api.metric("page_save_duration_seconds_count", workspace_id=workspace, status="conflict") == 1
    assert api.metric("page_save_errors_total", workspace_id=workspace, error_type="version_mismatch") == 1
    assert api.metric("page_save_errors_total", workspace_id=workspace, error_type="document_not_object") == 1
    route = "/v1/workspaces/{workspace_id}/pages/{page_id}"
    assert api.metric("quire_http_request_duration_seconds_count", method="GET", route=route, status="200") == 1
    assert api.metric("quire_db_call_duration_seconds_count", function="delete_page", outcome="error") == 1
    assert api.metric("quire_db_errors_total", function="delete_page", sqlstate="PT412") == 1
    assert api.metric("quire_db_pool_size") >= 5
    assert api.metric("quire_database_up") == 1


def test_a_workspace_that_nobody_vouched_for_gets_no_label(api: Api) -> None:
    stranger = api.client(api.new_token("write", role=None))
    for _ in range(3):
        stranger.post(f"{api.url}/v1/workspaces/0000aaaa-0000-4000-8000-000000000000/pages", json={})
    assert api.metric("page_save_errors_total", workspace_id="other", error_type="workspace_not_found") >= 3
    assert "0000aaaa" not in httpx.get(f"{api.url}/metrics", trust_env=False).text


def test_metrics_of_the_database_come_from_one_function(api: Api, conn: psycopg.Connection) -> None:
    text = httpx.get(f"{api.url}/metrics", trust_env=False).text
    names = {name for (name,) in conn.execute("select distinct name from ops.metrics()").fetchall()}
    assert {"indexing_queue_depth", "blocks_per_page", "quire_indexing_dead_letters"} <= names
    for name in names:
        assert f"\n# TYPE {name} " in text, name
        assert f"# HELP {name} {name}\n" not in text, f"{name} has no help text"


def test_metrics_are_for_this_machine_or_a_token(api: Api) -> None:
    url = f"{api.url}/metrics"
    proxied = {"X-Forwarded-For": "127.0.0.1"}
    client = api.client("")
    assert client.get(url).status_code == 200
    assert client.get(url, headers=proxied).json()["code"] == "token_required"
    reader = {"Authorization": f"Bearer {api.token}", **proxied}
    assert client.get(url, headers=reader).json()["code"] == "insufficient_scope"
    assert client.get(url, headers={"Authorization": f"Bearer {api.admin_token}", **proxied}).status_code == 200
    assert client.get(url).headers["ratelimit-policy"] == '"metrics";q=600;w=60'


def test_prometheus_accept_header_is_taken(api: Api) -> None:
    accept = "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
    assert api.client("").get(f"{api.url}/metrics", headers={"Accept": accept}).status_code == 200


def test_requests_that_are_no_http_do_not_hurt(api: Api) -> None:
    port = int(api.url.rsplit(":", 1)[1])
    for sent in (b"\x16\x03\x01\x00", b"GET / HTTP/9.9\r\n\r\n", b"GET /livez HTTP/1.1\r\n"):
        with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
            connection.sendall(sent)
    assert api.client("").get(f"{api.url}/livez").status_code == 200


@pytest.mark.parametrize("path", ["/livez", "/readyz", "/openapi.json", "/metrics"])
def test_accept_and_methods(api: Api, path: str) -> None:
    client = api.client("")
    assert client.get(api.url + path, headers={"Accept": "image/png"}).json()["code"] == "not_acceptable"
    assert client.post(api.url + path).headers["allow"] == "GET, HEAD"

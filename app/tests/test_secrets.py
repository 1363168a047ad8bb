"""Tokens, passwords and what pages say are in no log, error answer, metric or process list, whatever goes wrong."""

from __future__ import annotations

import subprocess
import uuid
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from app import cli
from app.tests.issuer import AUDIENCE, ISSUER, Issuer, serving
from app.tests.processes import Api, running_api, running_worker, wait_until
from db.settings import Settings

TEXT = "Zebra-4711-on-the-page"
PASSWORD = "hunter2-4711-of-the-database"
KEY = "key-4711-of-the-provider"
HOOK = "hook-4711-of-the-webhook"


@dataclass
class Running:
    api: Api
    logs: list[Path]


@pytest.fixture(scope="module")
def running(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Running]:
    logs = tmp_path_factory.mktemp("logs")
    secret = make_conninfo(database, password=PASSWORD)  # the throwaway server asks for none
    environ = {
        "QUIRE_LOG_LEVEL": "debug",
        "QUIRE_EMBEDDING_API_KEY": KEY,
        "QUIRE_ALERT_WEBHOOK_URL": f"http://127.0.0.1:9/{HOOK}",
    }
    with (
        running_api(database, logs / "api", DATABASE_URL=secret, **environ) as api,
        running_worker(secret, logs / "worker", **environ),
    ):
        yield Running(api, [logs / "api", logs / "worker"])


def provoke(api: Api) -> list[httpx.Response]:
    """Requests that fail in as many ways as there are."""
    client = api.client()
    page = api.create(title=TEXT, blocks=[{"id": "x", "type": "code", "data": {"text": TEXT}}])
    json = {"Content-Type": "application/json"}
    patch = {"Content-Type": "application/json-patch+json", "If-Match": "*"}
    answers = [
        client.post("/pages", json={"title": TEXT, TEXT: 1}),
        client.post("/pages", json={"title": [TEXT]}),
        client.post("/pages", json={"blocks": [{"id": "9", "type": TEXT, "data": {"t": TEXT}}]}),
        client.post("/pages", content=f'{{"title": "{TEXT}'.encode(), headers=json),
        client.post("/pages", content=f'{{"{TEXT}": 1, "{TEXT}": 2}}'.encode(), headers=json),
        client.post("/pages", content=f'{{"title": "{TEXT}\\ud800"}}'.encode(), headers=json),
        client.patch(
            f"/pages/{page}",
            content=f'[{{"op": "test", "path": "/title", "value": "{TEXT}"}}, 1]'.encode(),
            headers=patch,
        ),
        client.patch(
            f"/pages/{page}", content=f'[{{"op": "add", "path": "/x", "value": "{TEXT}"}}]'.encode(), headers=patch
        ),
        client.get("/search", params={"q": TEXT}),
        client.get("/search", params={"q": "x", "contains": f'{{"{TEXT}": '}),
        client.get("/pages", params={"cursor": TEXT}),
        client.get(f"/pages/{TEXT}"),
        client.get(f"{api.url}/v1/workspaces/{TEXT}/pages"),
        client.put(f"/pages/{page}/versions/%20{TEXT}", json={}),
        api.client(TEXT).get("/pages"),
        client.get(f"{api.url}/v1/indexing/dead-letters", params={"fingerprint": TEXT}),
    ]
    # A fault of the service: a function that breaks on what it is given.
    with psycopg.connect(api.database, autocommit=True) as connection:
        row = connection.execute("select pg_get_functiondef('api.list_versions'::regproc)").fetchone()
        assert row is not None
        # Same signature, broken: an error with values in all of its parts.
        broken = f"""
            create or replace function api.list_versions(p_workspace_id uuid, p_actor uuid, p_page_id uuid)
            returns table (body text) language plpgsql security definer as $$
            begin
                raise exception 'it broke on {TEXT}' using errcode = '58000', detail = '{TEXT}', hint = '{TEXT}';
            end;
            $$
        """
        connection.execute(broken.encode())
        answers.append(client.get(f"/pages/{page}/versions"))
        connection.execute(row[0].encode())
    return answers


def test_no_secret_gets_out(running: Running) -> None:
    api = running.api
    answers = provoke(api)
    assert answers[-1].status_code in (422, 500)
    assert sum(answer.status_code >= 400 for answer in answers) >= 14
    api.event(answers[-1].headers["x-request-id"])
    api.token = api.new_token("read")
    api.client(api.token).get("/pages")
    metrics = httpx.get(f"{api.url}/metrics", trust_env=False).text
    wait_until(lambda: "started" in running.logs[1].read_text())
    log = "\n".join(path.read_text() for path in running.logs)
    processes = subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout
    assert "app.main" in processes and "worker.main" in processes
    for secret in (api.admin_token, api.token, PASSWORD, KEY, HOOK):
        for where, text in (("log", log), ("metrics", metrics), ("processes", processes)):
            assert secret not in text, (secret, where)
        assert not [answer.url for answer in answers if secret in answer.text]
    assert TEXT not in log
    assert TEXT not in metrics
    assert TEXT not in processes
    told = [answer.json()["code"] for answer in answers if answer.status_code >= 400 and TEXT in answer.text]
    # What the client sent itself, told back to it so that it finds the place.
    assert set(told) <= {
        "unknown_member",
        "bad_filter",
        "unknown_parameter",
        "block_type_invalid",
        "patch_path_missing",
    }, told


def test_problems_of_a_lost_database_do_not_name_it(database: str, tmp_path: Path) -> None:
    lost = f"postgresql://quire_api:{PASSWORD}@127.0.0.1:9/quire"
    with running_api(database, tmp_path / "log", QUIRE_API_DATABASE_URL=lost, QUIRE_POOL_TIMEOUT="1") as api:
        answer = api.client(str(uuid.uuid4())).get("/pages")
        assert answer.status_code == 503
        assert PASSWORD not in answer.text and "127.0.0.1:9" not in answer.text
        assert PASSWORD not in (tmp_path / "log").read_text()


def test_tokens_that_are_made_and_jwts_are_shown_once_or_never(database: str, tmp_path: Path) -> None:
    with serving(Issuer()) as issuer:
        more = {
            "QUIRE_LOG_LEVEL": "debug",
            "QUIRE_JWT_ISSUER": ISSUER,
            "QUIRE_JWT_AUDIENCE": AUDIENCE,
            # The password of an issuer's address is one, too.
            "QUIRE_JWT_JWKS": issuer.url.replace("http://", f"http://quire:{PASSWORD}@"),
        }
        with running_api(database, tmp_path / "log", **more) as api:
            operator = api.client(api.new_token("read", "write", "admin", role=None))
            user = operator.post(f"{api.url}/v1/users", json={"name": f"user-{uuid.uuid4()}"}).json()["id"]
            made = operator.post(f"{api.url}/v1/tokens", json={"user_id": user, "scopes": ["read"]})
            rotated = operator.post(f"{api.url}/v1/tokens/{made.json()['id']}:rotate", json={})
            with psycopg.connect(database) as connection:
                connection.execute("select ops.link_subject(%s, 'ann', %s)", [ISSUER, user])
            jwts = [issuer.token(sub="ann"), issuer.token(sub="nobody"), issuer.hmac_token(), issuer.token(exp=1)]
            answers = [api.client(token).get(f"{api.url}/v1/me") for token in jwts]
            assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
            answers += [
                operator.get(f"{api.url}/v1/{path}")
                for path in ("tokens", "users", "audit", "limits", "limits/blocked")
            ]
            secrets = [made.json()["token"], rotated.json()["token"], PASSWORD, *jwts]
            shown = [answer.text for answer in answers]
            shown += [httpx.get(f"{api.url}/metrics", trust_env=False).text]
        shown += [(tmp_path / "log").read_text()]
        with psycopg.connect(database) as connection:
            row = connection.execute("select string_agg(a::text, ' ') from core.audit_log as a").fetchone()
            assert row is not None
            shown += [row[0]]
    for secret in secrets:
        assert not [text for text in shown if secret in text or secret.rsplit(".", 1)[-1] in text]


def test_settings_are_shown_without_secrets(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {
        "DATABASE_URL": f"postgresql://quire:{PASSWORD}@127.0.0.1:9/quire?connect_timeout=1",
        "QUIRE_EMBEDDING_API_KEY": KEY,
        "QUIRE_EMBEDDING_URL": f"https://quire:{PASSWORD}@embed.example/v1?key={KEY}",
        "QUIRE_ALERT_WEBHOOK_URL": f"https://hooks.example/{HOOK}",
        "QUIRE_JWT_ISSUER": ISSUER,
        "QUIRE_JWT_AUDIENCE": AUDIENCE,
        "QUIRE_JWT_JWKS": f"https://quire:{PASSWORD}@id.example/jwks.json?key={KEY}",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert cli.main(["doctor", "--settings"]) == 1, "no server there"
    told = capsys.readouterr()
    text = told.out + told.err + repr(Settings.from_env(settings))
    assert "embed.example" in text and "id.example" in text
    assert not [secret for secret in (PASSWORD, KEY, HOOK) if secret in text]

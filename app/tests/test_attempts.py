"""Every attempt of app/tests/attempts.py meets the refusal that docs/security.md promises, and leaves no trace."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.seed import token_hash
from app.tests import attempts
from app.tests.attempts import ATTEMPTS, Attempt, Stage
from app.tests.processes import running_api


@pytest.fixture(scope="module")
def stage(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    log = tmp_path_factory.mktemp("api") / "log"
    seconds = str(attempts.REQUEST_SECONDS)
    analyst = f"quire_test_analyst_{uuid.uuid4().hex[:8]}"
    with running_api(database, log, QUIRE_REQUEST_TIMEOUT=seconds) as api:
        page = api.create(title="zebrasecret", blocks=[{"type": "code", "data": {"text": "zebrasecret"}}])
        with psycopg.connect(database, autocommit=True) as connection:
            row = connection.execute("select ops.create_workspace('attackers')").fetchone()
            assert row is not None
            own: uuid.UUID = row[0]
            tokens = {
                "outsider": api.new_token("read", "write", "bypass_rate_limit", role="owner", workspace=own),
                "stranger": api.new_token("read", "write", role=None),
                "viewer": api.new_token("read", "write", role="viewer"),
                "reader": api.new_token("read"),
                "writer": api.new_token("write"),
                "operator": api.new_token("read", "write", "admin", role=None),
                "expired": api.new_token("read", workspace=own),
                "revoked": api.new_token("read", workspace=own),
            }
            connection.execute(
                "update core.tokens set expires_at = %s where token_hash = %s",
                [datetime.now(UTC) - timedelta(seconds=1), token_hash(tokens["expired"])],
            )
            connection.execute(
                "select ops.revoke_token(id) from core.tokens where token_hash = %s", [token_hash(tokens["revoked"])]
            )
            connection.execute(f"create role {analyst} login in role quire_analyst".encode())
            connection.execute("select ops.add_reader(%s, %s)", [own, analyst])
        made = api.client(tokens["outsider"]).post(f"{api.url}/v1/workspaces/{own}/pages", json={"title": "own"})
        assert made.status_code == 201, made.text
        yield Stage(api, page, own, made.json()["id"], tokens, analyst)
        with psycopg.connect(database, autocommit=True) as connection:
            connection.execute(f"drop role {analyst}".encode())


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"{one.group}: {one.what}" for one in ATTEMPTS])
def test_an_attempt(stage: Stage, attempt: Attempt) -> None:
    assert attempt.make(stage) == attempt.refusal


def test_nothing_of_the_victim_has_changed(stage: Stage) -> None:
    """Runs after the attempts."""
    page = stage.api.client().get(f"/pages/{stage.page}").json()
    assert (page["title"], page["version"], len(page["blocks"])) == ("zebrasecret", 1, 1)
    assert stage.api.client().get("/pages").json()["pages"][0]["id"] == stage.page
    with psycopg.connect(stage.api.database) as connection:
        row = connection.execute(
            "select count(*) from core.workspace_members where workspace_id = %s", [stage.api.workspace]
        ).fetchone()
    assert row == (4,)  # the first owner, viewer, reader, writer


def test_no_attempt_made_the_server_fail(stage: Stage) -> None:
    lines = stage.api.events()
    assert len(lines) > len(ATTEMPTS) / 2
    assert [line for line in lines if line["status"] >= 500] == []
    assert stage.api.events("fault") == []


def test_there_are_enough_and_each_is_named_once() -> None:
    assert len(ATTEMPTS) >= 60
    assert len({(one.group, one.what) for one in ATTEMPTS}) == len(ATTEMPTS)


def test_the_document_lists_them() -> None:
    text = attempts.DOCUMENT.read_text(encoding="utf-8")
    assert attempts.with_table(text) == text, "run: python -m app.tests.attempts"

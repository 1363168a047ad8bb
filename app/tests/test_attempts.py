"""Every attempt of app/tests/attempts.py meets the refusal that docs/security.md promises, and leaves no trace."""

from __future__ import annotations

import uuid
from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from app.seed import token_hash
from app.tests import attempts, contract
from app.tests.attempts import ATTEMPTS, SQL, Attempt, Stage
from app.tests.contract import Field
from app.tests.issuer import AUDIENCE, ISSUER, Issuer, serving
from app.tests.processes import running_api


@pytest.fixture(scope="module")
def stage(database: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Stage]:
    more = {
        "QUIRE_REQUEST_TIMEOUT": str(attempts.REQUEST_SECONDS),
        "QUIRE_JWT_ISSUER": ISSUER,
        "QUIRE_JWT_AUDIENCE": AUDIENCE,
        "QUIRE_JWT_WORKSPACES_CLAIM": "spaces",
    }
    log = tmp_path_factory.mktemp("api") / "log"
    with (
        serving(Issuer()) as issuer,
        running_api(database, log, **more, QUIRE_JWT_JWKS=issuer.url) as api,
        psycopg.connect(database, autocommit=True) as connection,
    ):
        page = api.create(title="zebrasecret", blocks=[{"type": "code", "data": {"text": "zebrasecret"}}])
        own = one(connection, "select ops.create_workspace('attackers')")
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

        def token_of(token: str, column: str) -> uuid.UUID:
            return one(connection, f"select {column} from core.tokens where token_hash = %s", token_hash(token))  # noqa: S608

        attacker = token_of(tokens["outsider"], "user_id")
        viewer = token_of(tokens["viewer"], "user_id")
        connection.execute("select ops.add_member(%s, %s, 'viewer')", [own, viewer])
        # As production-roles.md says, and as `quire migrate` does; a clone of a database does not inherit it.
        connection.execute(f'revoke temporary on database "{connection.info.dbname}" from public'.encode())
        for subject in ("attacker", "disabled"):
            connection.execute("select ops.link_subject(%s, %s, %s)", [ISSUER, subject, attacker])
        connection.execute("select ops.disable_subject(%s, 'disabled')", [ISSUER])
        logins = {name: f"quire_test_{name}_{uuid.uuid4().hex[:8]}" for name in ("analyst", "nobody")}
        connection.execute(f"create role {logins['analyst']} login in role quire_analyst".encode())
        connection.execute(f"create role {logins['nobody']} login".encode())
        connection.execute("select ops.add_reader(%s, %s)", [own, logins["analyst"]])
        made = api.client(tokens["outsider"]).post(f"{api.url}/v1/workspaces/{own}/pages", json={"title": "own"})
        assert made.status_code == 201, made.text
        yield Stage(
            api,
            page,
            own,
            made.json()["id"],
            tokens,
            victim=token_of(api.admin_token, "user_id"),
            victims_token=token_of(api.admin_token, "id"),
            attacker=attacker,
            viewer=viewer,
            readers_token=token_of(tokens["reader"], "id"),
            issuer=issuer,
            subject="attacker",
            disabled="disabled",
            logins=logins,
            superuser=connection.info.user,
            superuser_pid=str(connection.info.backend_pid),
        )
        for login in logins.values():
            connection.execute(f"drop role {login}".encode())


def one(connection: psycopg.Connection, statement: str, *arguments: object) -> uuid.UUID:
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=[f"{one.group}: {one.what}" for one in ATTEMPTS])
def test_an_attempt(stage: Stage, attempt: Attempt) -> None:
    assert attempt.make(stage) == attempt.refusal


@pytest.mark.once
@pytest.mark.parametrize("field", contract.fields(), ids=str)
def test_sql_in_every_parameter_and_member_of_the_contract(stage: Stage, field: Field) -> None:
    answer = attempts.put_into(stage, field, SQL)
    told = (answer.status_code, answer.text)
    if field.name in attempts.TEXTS:
        assert answer.status_code < 300, told
        kept = field.where != "header" and field.method != "DELETE" and field.name not in attempts.SEARCHED
        assert not kept or SQL in attempts.strings(answer.text), told
    else:
        assert 400 <= answer.status_code < 500, told


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
    assert len(lines) > len(ATTEMPTS) / 3, "a part of the attempts is in SQL, most are requests"
    assert [line for line in lines if line["status"] >= 500] == []
    assert stage.api.events("fault") == []


def test_there_are_enough_and_each_is_named_once() -> None:
    assert len(ATTEMPTS) >= 60
    assert len({(one.group, one.what) for one in ATTEMPTS}) == len(ATTEMPTS)


def test_the_document_lists_them() -> None:
    text = attempts.DOCUMENT.read_text(encoding="utf-8")
    assert attempts.with_table(text) == text, "run: python -m app.tests.attempts"

"""Another workspace's ids are answered like ids that are not there: by every route and every function of schema api.

Both lists are asked of the code: a new route or function is tried with what is generic here, and fails where that does
not reach the check of membership, until it has a case of its own.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from app import service_routes
from app.routes import ACTIONS
from app.seed import token_hash
from app.tests.processes import Api

# Routes that name no workspace. Each says why nothing of one can be had there.
GLOBAL = {
    "/v1/indexing": "operators of the installation: scope admin",
    "/v1/indexing/dead-letters": "likewise; errors, never content",
    "/v1/indexing/dead-letter-groups": "likewise",
    "/v1/indexing/dead-letters:replay": "likewise",
    "/v1/indexing/dead-letters:discard": "likewise",
    "/v1/indexing/pause": "likewise",
    "/v1/indexing/resume": "likewise",
}
# Functions without p_workspace_id, likewise.
GLOBAL_FUNCTIONS = {
    "admit": "finds out who asks; nothing of a workspace is in its answer",
    "admin_discard_dead_letters": "operators: scope admin is asked for",
    "admin_group_dead_letters": "likewise",
    "admin_indexing_state": "likewise",
    "admin_list_dead_letters": "likewise",
    "admin_pause_indexing": "likewise",
    "admin_replay_dead_letters": "likewise",
    "admin_resume_indexing": "likewise",
    "embedding_model": "a setting",
    "readiness": "the schema's number",
    "wake_indexing": "wakes workers",
}
QUERIES = {"diff": "?from=1", "search": "?q=words"}
BODIES: Mapping[str, tuple[str, str]] = {  # by the path's last part, or its method
    "restore": ("application/json", '{"version": 1}'),
    "{name}": ("application/json", "{}"),
    "PATCH": ("application/json-patch+json", '[{"op": "replace", "path": "/title", "value": "mine"}]'),
    "PUT": ("application/json", '{"title": "mine", "properties": {}, "blocks": []}'),
    "POST": ("application/json", '{"title": "mine"}'),
}
ROUTES = [(path, method) for path, actions in ACTIONS.items() if path not in GLOBAL for method in actions]


@dataclass
class Stage:
    """A victim's workspace and page; an outsider with a workspace and page of its own."""

    api: Api
    victim: uuid.UUID
    page: str
    own: uuid.UUID
    own_page: str
    token: str
    outsider: uuid.UUID


@pytest.fixture(scope="module")
def stage(api: Api) -> Generator[Stage]:
    page = api.create(title="secret", blocks=[{"id": "x", "type": "code", "data": {"text": "secret"}}])
    with psycopg.connect(api.database, autocommit=True) as connection:
        row = connection.execute("select ops.create_workspace('outsiders')").fetchone()
        assert row is not None
        own: uuid.UUID = row[0]
        token = api.new_token("read", "write", "bypass_rate_limit", role="owner", workspace=own)
        row = connection.execute(
            "select user_id from core.tokens where token_hash = %s", [token_hash(token)]
        ).fetchone()
        assert row is not None
    made = api.client(token).post(f"{api.url}/v1/workspaces/{own}/pages", json={"title": "own"})
    assert made.status_code == 201, made.text
    named = api.client().put(f"/pages/{page}/versions/kept", json={})
    assert named.status_code == 201, named.text
    yield Stage(api, api.workspace, page, own, made.json()["id"], token, row[0])


def test_every_route_names_a_workspace_or_says_why_not() -> None:
    assert {path for path in ACTIONS if "{workspace_id}" not in path} == set(GLOBAL)
    assert not [route.path for route in service_routes.routes() if "workspace" in route.path or "page" in route.path]


@pytest.mark.parametrize(("path", "method"), ROUTES, ids=[f"{method} {path}" for path, method in ROUTES])
def test_a_route(stage: Stage, path: str, method: str) -> None:
    foreign = ask(stage, path, method, stage.victim, stage.page)
    assert foreign == (404, "workspace_not_found")
    nowhere = ask(stage, path, method, uuid.uuid4(), stage.page)
    assert nowhere == foreign
    if "{page_id}" in path:
        through = ask(stage, path, method, stage.own, stage.page)
        assert through == (404, "page_not_found")
        assert ask(stage, path, method, stage.own, str(uuid.uuid4())) == through
    after = stage.api.client().get(f"/pages/{stage.page}").json()
    assert (after["title"], after["version"], len(after["blocks"])) == ("secret", 1, 1)


def ask(stage: Stage, path: str, method: str, workspace: uuid.UUID, page: str) -> tuple[int, str]:
    last = path.rsplit("/", 1)[1]
    url = path.format_map(_Parts({"workspace_id": str(workspace), "page_id": page, "name": "kept"}))
    headers = {"If-Match": "*"}
    content = None
    if method not in ("GET", "DELETE"):
        headers["Content-Type"], content = BODIES.get(last) or BODIES[method]
    answer = stage.api.client(stage.token).request(
        method, f"{stage.api.url}{url}{QUERIES.get(last, '')}", content=content, headers=headers
    )
    return answer.status_code, answer.json()["code"]


class _Parts(dict[str, str]):
    """Parts of a path; other ids are made up."""

    def __missing__(self, name: str) -> str:
        return str(uuid.uuid4())


def test_a_batch_with_a_page_of_another_workspace(stage: Stage) -> None:
    for atomic in (True, False):
        patches: list[dict[str, Any]] = [{"page_id": stage.page, "if_match": "*", "patch": []}]
        answer = stage.api.client(stage.token).post(
            f"{stage.api.url}/v1/workspaces/{stage.own}/pages:batch",
            json={"atomic": atomic, "patches": patches},
        )
        refused = answer.json() if atomic else answer.json()["results"][0]
        assert (refused["status"], refused["code"]) == (404, "page_not_found")


def functions(connection: psycopg.Connection) -> list[tuple[str, list[str], list[str]]]:
    rows = connection.execute(
        """
        select p.proname, p.proargnames[:p.pronargs],
            array(
                select format_type(a.type, null)
                from unnest(p.proargtypes::oid[]) with ordinality as a (type, place) order by a.place
            )
        from pg_proc as p where p.pronamespace = 'api'::regnamespace order by 1
        """
    ).fetchall()
    return [(name, list(names or ()), list(types)) for name, names, types in rows]


def test_every_function_takes_a_workspace_or_says_why_not(conn: psycopg.Connection) -> None:
    # api.admit only names it for the limits per workspace
    without = {name for name, names, _ in functions(conn) if "p_workspace_id" not in names or name.startswith("admit")}
    assert without - {"admit_subject"} == set(GLOBAL_FUNCTIONS)


def test_every_function(stage: Stage) -> None:
    with psycopg.connect(stage.api.database, autocommit=True) as connection:
        for name, names, types in functions(connection):
            if name in GLOBAL_FUNCTIONS or name.startswith("admit"):
                continue
            foreign = call(connection, name, names, types, stage, stage.victim)
            assert foreign in ("PT404 workspace_not_found", "404 workspace_not_found"), name
            assert call(connection, name, names, types, stage, uuid.uuid4()) == foreign, name
            if "p_page_id" in names:
                assert call(connection, name, names, types, stage, stage.own) in (
                    "PT404 page_not_found",
                    "404 page_not_found",
                ), name


def call(
    connection: psycopg.Connection, name: str, names: list[str], types: list[str], stage: Stage, workspace: uuid.UUID
) -> str:
    """SQLSTATE and slug, or status and code."""
    known: dict[str, Any] = {
        "p_workspace_id": workspace,
        "p_actor": stage.outsider,
        "p_page_id": stage.page,
        "p_if_match": ["*"],
        "p_patch": '[{"op": "replace", "path": "/title", "value": "mine"}]',
        "p_kind": "patch",
        "p_document": '{"title": "mine", "properties": {}, "blocks": []}',
        "p_name": "kept",
        "p_mode": "text",
        "p_query": "words",
        "p_batch": json.dumps({"patches": [{"page_id": stage.page, "if_match": "*", "patch": []}]}),
    }
    by_type: dict[str, Any] = {
        "bigint": 1, "integer": 10, "smallint": 100, "text": None, "interval": None, "bigint[]": [], "text[]": None,
        "uuid": uuid.uuid4(),
    }  # fmt: skip
    values = [known.get(one, by_type.get(kind)) for one, kind in zip(names, types, strict=True)]
    marks = ", ".join(f"%s::{kind}" for kind in types)
    try:
        cursor = connection.execute(f"select * from api.{name}({marks})".encode(), values)  # noqa: S608 - from the catalog
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.constraint_name}"
    row = cursor.fetchone()
    assert row is not None and cursor.description is not None
    found = dict(zip((column.name for column in cursor.description), row, strict=True))
    return f"{found.get('status')} {json.loads(found.get('body') or '{}').get('code')}"

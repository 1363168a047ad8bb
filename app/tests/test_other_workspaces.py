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

# Routes that name no workspace, all of them refused to an outsider but what is about itself. Each says why nothing of a
# workspace can be had there.
OPERATORS = "operators of the installation: scope admin"
GLOBAL = {
    "/v1/me": "the caller's own: see test_me_names_nothing_of_others",
    "/v1/workspaces": OPERATORS + "; names, never content",
    "/v1/users": OPERATORS,
    "/v1/tokens": OPERATORS + "; never a token",
    "/v1/tokens/{token_id}": OPERATORS,
    "/v1/tokens/{token_id}:rotate": OPERATORS,
    "/v1/audit": OPERATORS + "; ids, never content",
    "/v1/indexing": OPERATORS,
    "/v1/indexing/entries": OPERATORS + "; ids and errors, never content",
    "/v1/indexing/dead-letters": OPERATORS + "; errors, never content",
    "/v1/indexing/dead-letter-groups": OPERATORS,
    "/v1/indexing/dead-letters:replay": OPERATORS,
    "/v1/indexing/dead-letters:discard": OPERATORS,
    "/v1/indexing/pause": OPERATORS,
    "/v1/indexing/resume": OPERATORS,
    "/v1/limits": OPERATORS,
    "/v1/limits/blocked": OPERATORS,
    "/v1/limits:unblock": OPERATORS,
}
# Functions without p_workspace_id, likewise; those of operators are all that begin with admin_. And those that only
# name a workspace for the limits per workspace.
GLOBAL_FUNCTIONS = {
    "embedding_model": "a setting",
    "get_me": "the caller's own: see test_me_names_nothing_of_others",
    "readiness": "the schema's number",
    "wake_indexing": "wakes workers",
}
LIMITING_FUNCTIONS = {
    "admit": "finds out who asks; nothing of a workspace is in its answer",
    "admit_subject": "likewise",
    "refund": "gives back points that its caller's request took; a number is its answer",
}
QUERIES = {"diff": "?from=1", "search": "?q=words"}
BODIES: Mapping[str, tuple[str, str]] = {  # by the path's last part, or its method
    "restore": ("application/json", '{"version": 1}'),
    "{name}": ("application/json", "{}"),
    "{workspace_id}": ("application/json", '{"name": "mine"}'),
    "{user_id}": ("application/json", '{"role": "viewer"}'),
    "PATCH": ("application/json-patch+json", '[{"op": "replace", "path": "/title", "value": "mine"}]'),
    "PUT": ("application/json", '{"title": "mine", "properties": {}, "blocks": []}'),
    "POST": ("application/json", '{"title": "mine"}'),
}
ROUTES = [(path, method) for path, actions in ACTIONS.items() if path not in GLOBAL for method in actions]
OPERATORS_ROUTES = [
    (path, method) for path, why in GLOBAL.items() if why.startswith(OPERATORS) for method in ACTIONS[path]
]
# What an operator who is no member must not do either: everything but looking after a workspace and its members.
CONTENT_ROUTES = [(path, method) for path, method in ROUTES if "admin" not in ACTIONS[path][method].scope]


def names(routes: list[tuple[str, str]]) -> list[str]:
    return [f"{method} {path}" for path, method in routes]


@dataclass
class Stage:
    """A victim's workspace and page; an outsider with a workspace and page of its own; an operator who is in neither.

    Attributes:
        member: the victim's owner.
        token_id: of the outsider's token.
    """

    api: Api
    victim: uuid.UUID
    page: str
    name: str
    own: uuid.UUID
    own_page: str
    token: str
    outsider: uuid.UUID
    token_id: uuid.UUID
    member: uuid.UUID
    operator: str


@pytest.fixture(scope="module")
def stage(api: Api) -> Generator[Stage]:
    page = api.create(title="secret", blocks=[{"id": "x", "type": "code", "data": {"text": "secret"}}])
    with psycopg.connect(api.database, autocommit=True) as connection:
        row = connection.execute("select ops.create_workspace('outsiders')").fetchone()
        assert row is not None
        own: uuid.UUID = row[0]
        token = api.new_token("read", "write", "bypass_rate_limit", role="owner", workspace=own)
        row = connection.execute(
            "select user_id, id from core.tokens where token_hash = %s", [token_hash(token)]
        ).fetchone()
        assert row is not None
        member = connection.execute(
            "select user_id from core.workspace_members where workspace_id = %s and role = 'owner'", [api.workspace]
        ).fetchone()
        assert member is not None
    operator = api.new_token("read", "write", "admin", "bypass_rate_limit", role=None)
    made = api.client(token).post(f"{api.url}/v1/workspaces/{own}/pages", json={"title": "own"})
    assert made.status_code == 201, made.text
    named = api.client().put(f"/pages/{page}/versions/kept", json={})
    assert named.status_code == 201, named.text
    before = api.client().get(f"{api.url}/v1/workspaces/{api.workspace}").json()
    yield Stage(
        api, api.workspace, page, before["name"], own, made.json()["id"], token, row[0], row[1], member[0], operator
    )


def test_every_route_names_a_workspace_or_says_why_not() -> None:
    assert {path for path in ACTIONS if "{workspace_id}" not in path} == set(GLOBAL)
    assert not [route.path for route in service_routes.routes() if "workspace" in route.path or "page" in route.path]


@pytest.mark.parametrize(("path", "method"), ROUTES, ids=names(ROUTES))
def test_a_route(stage: Stage, path: str, method: str) -> None:
    foreign = ask(stage, path, method, stage.victim, stage.page)
    assert foreign == (404, "workspace_not_found")
    nowhere = ask(stage, path, method, uuid.uuid4(), stage.page)
    assert nowhere == foreign
    if "{page_id}" in path:
        through = ask(stage, path, method, stage.own, stage.page)
        assert through == (404, "page_not_found")
        assert ask(stage, path, method, stage.own, str(uuid.uuid4())) == through
    if "{user_id}" in path and method != "PUT":  # an owner may let anybody in
        through = ask(stage, path, method, stage.own, user=str(stage.member))
        assert through == (404, "member_not_found")
        assert ask(stage, path, method, stage.own) == through
    unharmed(stage)


@pytest.mark.parametrize(("path", "method"), CONTENT_ROUTES, ids=names(CONTENT_ROUTES))
def test_a_route_asked_by_an_operator_who_is_no_member(stage: Stage, path: str, method: str) -> None:
    asked = ask(stage, path, method, stage.victim, stage.page, token=stage.operator)
    assert asked == (404, "workspace_not_found")
    unharmed(stage)


@pytest.mark.parametrize(("path", "method"), OPERATORS_ROUTES, ids=names(OPERATORS_ROUTES))
def test_a_route_of_operators(stage: Stage, path: str, method: str) -> None:
    assert ACTIONS[path][method].scope == "admin"
    assert ask(stage, path, method, stage.victim) == (403, "insufficient_scope")
    unharmed(stage)


def test_me_names_nothing_of_others(stage: Stage) -> None:
    me = stage.api.client(stage.token).get(f"{stage.api.url}/v1/me")
    assert [workspace["id"] for workspace in me.json()["workspaces"]] == [str(stage.own)]
    assert str(stage.victim) not in me.text
    assert stage.api.client(stage.operator).get(f"{stage.api.url}/v1/me").json()["workspaces"] == []


def unharmed(stage: Stage) -> None:
    """Nothing of the victim's has changed."""
    workspace = stage.api.client().get(f"{stage.api.url}/v1/workspaces/{stage.victim}").json()
    members = stage.api.client().get("/members").json()["members"]
    assert (workspace["name"], len(members), members[0]["role"]) == (stage.name, 1, "owner")
    after = stage.api.client().get(f"/pages/{stage.page}").json()
    assert (after["title"], after["version"], len(after["blocks"])) == ("secret", 1, 1)


def ask(
    stage: Stage,
    path: str,
    method: str,
    workspace: uuid.UUID,
    page: str | None = None,
    *,
    user: str | None = None,
    token: str | None = None,
) -> tuple[int, str]:
    """Status and code of an answer to the outsider, or whose token it is."""
    last = path.rsplit("/", 1)[1]
    known = {"workspace_id": str(workspace), "page_id": page, "user_id": user, "name": "kept"}
    url = path.format_map(_Parts({name: value for name, value in known.items() if value is not None}))
    headers = {"If-Match": "*"}
    content = None
    if method not in ("GET", "DELETE"):
        headers["Content-Type"], content = BODIES.get(last) or BODIES[method]
    answer = stage.api.client(token or stage.token).request(
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
    without = {name for name, names, _ in functions(conn) if "p_workspace_id" not in names}
    assert {name for name in without if not name.startswith("admin_")} == set(GLOBAL_FUNCTIONS)
    assert {name for name, _, _ in functions(conn)} >= set(LIMITING_FUNCTIONS)


def test_every_function(stage: Stage) -> None:
    with psycopg.connect(stage.api.database, autocommit=True) as connection:
        for name, names, types in functions(connection):
            if name in GLOBAL_FUNCTIONS or name in LIMITING_FUNCTIONS:
                continue
            foreign = call(connection, name, names, types, stage, stage.victim)
            if name.startswith("admin_"):
                assert foreign == "PT403 operator_required", name
                continue
            assert foreign in ("PT404 workspace_not_found", "404 workspace_not_found"), name
            assert call(connection, name, names, types, stage, uuid.uuid4()) == foreign, name
            if "p_page_id" in names:
                assert call(connection, name, names, types, stage, stage.own) in (
                    "PT404 page_not_found",
                    "404 page_not_found",
                ), name
            elif "p_user_id" in names and name != "put_member":
                assert call(connection, name, names, types, stage, stage.own) == "PT404 member_not_found", name
    unharmed(stage)


def call(
    connection: psycopg.Connection, name: str, names: list[str], types: list[str], stage: Stage, workspace: uuid.UUID
) -> str:
    """SQLSTATE and slug, or status and code."""
    known: dict[str, Any] = {
        "p_workspace_id": workspace,
        "p_of_workspace_id": workspace,
        "p_actor": stage.outsider,
        "p_token_id": stage.token_id,
        "p_user_id": stage.member,
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

"""Workspaces, members, users, tokens and the audit log, over HTTP against a real process."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import psycopg
import pytest

from app.seed import token_hash
from app.tests.processes import Api


def person(api: Api, name: str, *scopes: str, role: str | None = None, workspace: uuid.UUID | None = None) -> Person:
    name = f"{name}-{uuid.uuid4()}"
    token = api.new_token(*scopes, user=name, role=role, workspace=workspace)
    client = api.client(token)
    client.base_url = f"{api.url}/v1"
    return Person(client, token, client.get("/me").json()["user"]["id"])


class Person:
    """Somebody with a token. Paths below /v1."""

    def __init__(self, client: httpx.Client, token: str, user_id: str) -> None:
        self.client, self.token, self.id = client, token, user_id


@pytest.fixture
def olga(api: Api) -> Person:
    """An operator."""
    return person(api, "olga", "read", "write", "admin")


@pytest.fixture
def workspace(api: Api, olga: Person) -> Iterator[uuid.UUID]:
    """One of olga's."""
    made = olga.client.post("/workspaces", json={"name": "Team"})
    assert made.status_code == 201
    assert made.headers["location"] == f"/v1/workspaces/{made.json()['id']}"
    yield uuid.UUID(made.json()["id"])


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def actions(olga: Person, **parameters: Any) -> list[str]:
    answer = olga.client.get("/audit", params=parameters)
    assert answer.status_code == 200
    return [entry["action"] for entry in answer.json()["entries"]]


def test_me(api: Api, olga: Person, workspace: uuid.UUID) -> None:
    me = olga.client.get("/me").json()
    assert me["scopes"] == ["read", "write", "admin"] == me["token"]["scopes"]
    assert me["workspaces"] == [{"id": str(workspace), "name": "Team", "role": "owner"}]
    assert "token_hash" not in me["token"] and olga.token not in str(me)
    for scope in ("read", "write", "metrics", "bypass_rate_limit"):
        assert person(api, "any", scope).client.get("/me").json()["scopes"] == [scope]
    assert olga.client.head("/me").status_code == 200
    olga.client.post("/workspaces", json={"name": "Second"})
    first = olga.client.get("/me", params={"limit": 1}).json()
    rest = olga.client.get("/me", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert len({w["id"] for w in first["workspaces"] + rest["workspaces"]}) == 2 and rest["next_cursor"] is None


def test_a_workspace_and_its_members(api: Api, olga: Person, workspace: uuid.UUID) -> None:
    ann, bob = person(api, "ann", "read", "write"), person(api, "bob", "read", "write")
    place = f"/workspaces/{workspace}"
    assert code(ann.client.get(place)) == (404, "workspace_not_found")
    put = olga.client.put(f"{place}/members/{ann.id}", json={"role": "owner"})
    assert (put.status_code, put.json()["role"]) == (201, "owner")
    assert ann.client.get(place).json()["role"] == "owner"
    assert ann.client.patch(place, json={"name": "Ours"}).json()["name"] == "Ours"
    merge = {"Content-Type": "application/merge-patch+json"}
    assert ann.client.patch(place, content=b'{"name": "Again"}', headers=merge).json()["name"] == "Again"
    assert ann.client.put(f"{place}/members/{bob.id}", json={"role": "viewer"}).status_code == 201
    assert ann.client.put(f"{place}/members/{bob.id}", json={"role": "editor"}).status_code == 200
    assert bob.client.post(f"{place}/pages", json={"title": "Bob's"}).status_code == 201
    members = bob.client.get(f"{place}/members").json()
    assert {m["user_id"]: m["role"] for m in members["members"]} == {
        olga.id: "owner",
        ann.id: "owner",
        bob.id: "editor",
    }
    page = bob.client.get(f"{place}/members", params={"limit": 2}).json()
    assert len(page["members"]) == 2
    assert len(bob.client.get(f"{place}/members", params={"cursor": page["next_cursor"]}).json()["members"]) == 1
    assert bob.client.get(f"{place}/members/{ann.id}").json()["role"] == "owner"
    assert code(bob.client.patch(place, json={"name": "Mine"})) == (403, "role_required")
    assert code(bob.client.put(f"{place}/members/{bob.id}", json={"role": "owner"})) == (403, "role_required")
    assert code(bob.client.delete(f"{place}/members/{ann.id}")) == (403, "role_required")
    # The next request of who was removed finds nothing.
    assert ann.client.delete(f"{place}/members/{bob.id}").status_code == 204
    assert code(bob.client.get(f"{place}/pages")) == (404, "workspace_not_found")
    assert code(ann.client.delete(f"{place}/members/{bob.id}")) == (404, "member_not_found")
    assert ann.client.delete(f"{place}/members/{ann.id}").status_code == 204, "everybody may leave"
    for refused in (
        olga.client.delete(f"{place}/members/{olga.id}"),
        olga.client.put(f"{place}/members/{olga.id}", json={"role": "viewer"}),
    ):
        assert code(refused) == (409, "last_owner")
    assert sorted(set(actions(olga, workspace_id=str(workspace)))) == [
        "members.add",
        "members.change",
        "members.remove",
        "workspaces.create",
        "workspaces.rename",
    ]
    assert actions(olga, workspace_id=str(workspace), user_id=ann.id, action="members.remove") == ["members.remove"] * 2


def test_a_token_of_an_owner_needs_the_scope(api: Api, workspace: uuid.UUID) -> None:
    reader = person(api, "reader", "read", role="owner", workspace=workspace)
    assert reader.client.get(f"/workspaces/{workspace}/members").status_code == 200
    refused = reader.client.patch(f"/workspaces/{workspace}", json={"name": "x"})
    assert code(refused) == (403, "insufficient_scope")
    assert refused.json()["scope_required"] == "write"
    assert code(reader.client.delete(f"/workspaces/{workspace}/members/{reader.id}")) == (403, "insufficient_scope")


def test_another_workspace_is_never_told_apart_from_none(api: Api, workspace: uuid.UUID) -> None:
    sam = person(api, "sam", "read", "write")
    for method, path, body in (
        ("GET", "", None),
        ("PATCH", "", {"name": "x"}),
        ("GET", "/members", None),
        ("GET", "/members/{user}", None),
        ("PUT", "/members/{user}", {"role": "owner"}),
        ("DELETE", "/members/{user}", None),
    ):
        answers = [
            sam.client.request(method, f"/workspaces/{place}{path.format(user=sam.id)}", json=body)
            for place in (workspace, uuid.uuid4())
        ]
        bodies = [{**a.json(), "request_id": 0, "workspace_id": 0} for a in answers]
        assert bodies[0] == bodies[1]
        assert code(answers[0]) == (404, "workspace_not_found")
    assert code(sam.client.get("/workspaces/none")) == (404, "workspace_not_found")


def test_ids_that_are_none(olga: Person, workspace: uuid.UUID) -> None:
    place = f"/workspaces/{workspace}/members"
    assert code(olga.client.get(f"{place}/x")) == (404, "member_not_found")
    assert code(olga.client.delete(f"{place}/x")) == (404, "member_not_found")
    assert code(olga.client.put(f"{place}/x", json={"role": "viewer"})) == (404, "user_not_found")
    assert code(olga.client.put(f"{place}/{uuid.uuid4()}", json={"role": "viewer"})) == (404, "user_not_found")
    assert code(olga.client.delete("/tokens/x")) == (404, "token_not_found")
    assert code(olga.client.post("/tokens/x:rotate", json={})) == (404, "token_not_found")
    assert code(olga.client.delete(f"/tokens/{uuid.uuid4()}")) == (404, "token_not_found")
    assert code(olga.client.post(f"/tokens/{uuid.uuid4()}:rotate", json={})) == (404, "token_not_found")
    assert code(olga.client.get("/tokens", params={"user_id": "x"})) == (400, "bad_parameter")
    assert code(olga.client.get("/audit", params={"workspace_id": "x"})) == (400, "bad_parameter")
    assert code(olga.client.get("/audit", params={"cursor": "x"})) == (400, "bad_cursor")
    assert code(olga.client.get("/users", params={"limit": 201})) == (400, "bad_parameter")


def test_users_and_workspaces_of_the_installation(api: Api, olga: Person) -> None:
    name = f"zoe-{uuid.uuid4()}"
    zoe = olga.client.post("/users", json={"name": name})
    assert (zoe.status_code, zoe.json()["name"]) == (201, name)
    assert code(olga.client.post("/users", json={"name": name})) == (409, "user_exists")
    made = olga.client.post("/workspaces", json={"name": "Zoe's", "owner": zoe.json()["id"]}).json()
    assert made["role"] is None, "olga is no member of it"
    assert code(olga.client.get(f"/workspaces/{made['id']}/pages")) == (404, "workspace_not_found")
    assert olga.client.get(f"/workspaces/{made['id']}/members").json()["members"][0]["name"] == name
    for path, member in (("/users", "users"), ("/workspaces", "workspaces")):
        seen: list[str] = []
        cursor: str | None = None
        while True:
            parameters = {"limit": 3} | ({"cursor": cursor} if cursor else {})
            part = olga.client.get(path, params=parameters).json()
            seen += [entry["id"] for entry in part[member]]
            cursor = part["next_cursor"]
            if cursor is None:
                break
        assert len(seen) == len(set(seen)) and {zoe.json()["id"], made["id"]} & set(seen)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/workspaces"),
        ("POST", "/workspaces"),
        ("GET", "/users"),
        ("POST", "/users"),
        ("GET", "/tokens"),
        ("POST", "/tokens"),
        ("POST", f"/tokens/{uuid.uuid4()}:rotate"),
        ("DELETE", f"/tokens/{uuid.uuid4()}"),
        ("GET", "/audit"),
    ],
)
def test_what_is_for_operators(api: Api, method: str, path: str) -> None:
    client = person(api, "ann", "read", "write", "metrics", "bypass_rate_limit").client
    assert code(client.request(method, path, json={} if method == "POST" else None)) == (403, "insufficient_scope")
    stranger = api.client("")
    stranger.base_url = f"{api.url}/v1"
    assert code(stranger.request(method, path)) == (401, "token_required")


def test_a_token_is_made_used_rotated_and_revoked(api: Api, olga: Person, workspace: uuid.UUID) -> None:
    ann = person(api, "ann", "read")
    body = {"user_id": ann.id, "name": "laptop", "scopes": ["read"], "expires_at": "2099-01-01T00:00:00Z"}
    made = olga.client.post("/tokens", json=body)
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    token, token_id = made.json()["token"], made.json()["id"]
    client = api.client(token)
    client.base_url = f"{api.url}/v1"
    assert client.get("/me").json()["token"]["expires_at"] == "2099-01-01T00:00:00.000000Z"
    listed = olga.client.get("/tokens", params={"user_id": ann.id})
    assert next(entry["id"] for entry in listed.json()["tokens"]) == token_id
    assert token not in listed.text and token_hash(token).hex() not in listed.text
    rotated = olga.client.post(f"/tokens/{token_id}:rotate", json={"grace_seconds": 3600})
    assert (rotated.status_code, rotated.headers["cache-control"]) == (201, "no-store")
    assert {**rotated.json(), "id": 0, "token": 0, "created_at": 0, "last_used_at": 0} == {
        **made.json(),
        "id": 0,
        "token": 0,
        "created_at": 0,
        "last_used_at": 0,
    }
    new = api.client(rotated.json()["token"])
    new.base_url = f"{api.url}/v1"
    assert (client.get("/me").status_code, new.get("/me").status_code) == (200, 200), "both in the grace"
    assert code(olga.client.post(f"/tokens/{token_id}:rotate", json={})) == (409, "token_ended")
    for _ in range(2):
        assert olga.client.delete(f"/tokens/{token_id}").status_code == 204
    assert code(client.get("/me")) == (401, "token_invalid")
    newest = olga.client.post(f"/tokens/{rotated.json()['id']}:rotate", json={}).json()
    assert code(new.get("/me")) == (401, "token_invalid")
    assert olga.client.delete(f"/tokens/{newest['id']}").status_code == 204
    log = olga.client.get("/audit", params={"user_id": olga.id}).text
    for secret in (token, rotated.json()["token"], newest["token"]):
        assert secret not in log and token_hash(secret).hex() not in log
    mine = actions(olga, user_id=olga.id)
    assert mine[:5] == ["tokens.revoke", "tokens.rotate", "tokens.revoke", "tokens.rotate", "tokens.create"]
    assert token not in api.log_file.read_text()


def test_a_token_begets_no_stronger_one(api: Api, olga: Person) -> None:
    for scopes in (["metrics"], ["read", "bypass_rate_limit"]):
        refused = olga.client.post("/tokens", json={"user_id": olga.id, "scopes": scopes})
        assert code(refused) == (403, "scope_not_held")
    strong = person(api, "strong", "read", "bypass_rate_limit")
    token_id = strong.client.get("/me").json()["token"]["id"]
    assert code(olga.client.post(f"/tokens/{token_id}:rotate", json={})) == (403, "scope_not_held")
    assert strong.client.get("/me").status_code == 200, "and nothing happened to the old one"


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        ("/tokens", "{", (400, "malformed_json")),
        ("/tokens", "[]", (422, "document_not_object")),
        ("/tokens", "{}", (422, "member_missing")),
        ("/tokens", '{"user_id": 1, "scopes": ["read"]}', (422, "invalid_value")),
        ("/tokens", '{"user": "ann"}', (422, "unknown_member")),
        ("/users", '{"name": "a", "name": "b"}', (400, "duplicate_key")),
        ("/users", '{"name": "' + "x" * 201 + '"}', (422, "invalid_value")),
        ("/users", '{"name": "\\u0000"}', (400, "nul_character")),
        ("/users", '{"name": "\\ud800"}', (400, "lone_surrogate")),
        ("/users", "[" * 1000, (413, "too_deep")),
        ("/users", "[" * 20, (400, "malformed_json")),
        ("/workspaces", '{"name": "\\u001b[31m"}', (422, "invalid_value")),
        ("/workspaces", '{"name": "x", "owner": "ann"}', (422, "invalid_value")),
    ],
    ids=range(13),
)
def test_bodies_that_are_refused(olga: Person, path: str, content: str, expected: tuple[int, str]) -> None:
    answer = olga.client.post(path, content=content.encode(), headers={"Content-Type": "application/json"})
    assert code(answer) == expected


def test_media_types_that_are_refused(olga: Person, workspace: uuid.UUID) -> None:
    text = {"Content-Type": "text/plain"}
    for method, path, header in (
        ("POST", "/users", "accept-post"),
        ("PATCH", f"/workspaces/{workspace}", "accept-patch"),
        ("PUT", f"/workspaces/{workspace}/members/{olga.id}", "accept"),
    ):
        answer = olga.client.request(method, path, content=b"{}", headers=text)
        assert code(answer) == (415, "unsupported_media_type") and header in answer.headers


def test_a_revocation_counts_at_once_and_a_new_token_too(api: Api) -> None:
    token = api.new_token("read")
    client = api.client(token)
    assert client.get("/pages").status_code == 200
    with psycopg.connect(api.database) as connection:
        connection.execute("select ops.revoke_token(id) from core.tokens where token_hash = %s", [token_hash(token)])
    assert code(client.get("/pages")) == (401, "token_invalid")


def test_a_restored_page_is_in_the_log(api: Api, olga: Person, workspace: uuid.UUID) -> None:
    pages = f"/workspaces/{workspace}/pages"
    page = olga.client.post(pages, json={"title": "one"}).json()["id"]
    olga.client.patch(
        f"{pages}/{page}",
        content=b'[{"op": "replace", "path": "/title", "value": "two"}]',
        headers={"If-Match": "*", "Content-Type": "application/json-patch+json"},
    )
    for _ in range(2):
        assert olga.client.post(f"{pages}/{page}/restore", json={"version": 1}).status_code == 200
    entries = olga.client.get("/audit", params={"action": "pages.restore", "workspace_id": str(workspace)}).json()
    assert [entry["details"] for entry in entries["entries"]] == [
        {"page_id": page, "restored_version": 1, "version": 3, "undeleted": False}
    ], "the second changed nothing"

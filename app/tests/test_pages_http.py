"""Pages over HTTP: create, read, list, save, delete, and who may."""

from __future__ import annotations

import uuid
from typing import Any

import psycopg
import pytest

from app.tests.processes import Api

JSON_PATCH = {"Content-Type": "application/json-patch+json"}
MERGE_PATCH = {"Content-Type": "application/merge-patch+json"}
EMPTY: dict[str, Any] = {"title": "c", "properties": {}, "blocks": []}
BLOCKS: list[dict[str, Any]] = [
    {"id": "intro", "type": "paragraph", "data": {"text": "one"}},
    {"id": "second", "type": "todo", "data": {"text": "two", "checked": False}},
]


def replace(path: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": path, "value": value}]


def test_a_page_is_created_and_read_back_as_sent(api: Api) -> None:
    client = api.client()
    # 1.10 and a number beyond a double: text goes through untouched
    body = '{"title": "Ünïcode", "properties": {"n": 1.10, "big": 12345678901234567890.5}, "blocks": []}'
    created = client.post("/pages", content=body.encode(), headers={"Content-Type": "application/json"})
    assert created.status_code == 201
    assert created.headers["etag"] == '"1"'
    page = created.json()["id"]
    assert created.headers["location"] == f"/v1/workspaces/{api.workspace}/pages/{page}"
    read = client.get(f"/pages/{page}")
    assert read.status_code == 200
    assert read.headers["etag"] == '"1"'
    assert read.content == created.content
    assert "1.10" in read.text and "12345678901234567890.5" in read.text
    assert read.json()["title"] == "Ünïcode"
    assert "private" in read.headers["cache-control"]


def test_the_client_may_choose_the_id_once(api: Api) -> None:
    client, page = api.client(), str(uuid.uuid4())
    assert client.post("/pages", json={"id": page, "title": "mine"}).json()["id"] == page
    again = client.post("/pages", json={"id": page, "title": "mine"})
    assert (again.status_code, again.json()["code"]) == (409, "page_exists")


def test_prefer_minimal_leaves_out_the_document(api: Api) -> None:
    answer = api.client().post("/pages", json={"title": "x"}, headers={"Prefer": "return=minimal"})
    assert (answer.status_code, answer.content) == (201, b"")
    assert answer.headers["preference-applied"] == "return=minimal"


def test_if_none_match_answers_304(api: Api) -> None:
    client, page = api.client(), api.create()
    for tags, named in (('"1"', '"1"'), ('W/"1"', 'W/"1"'), ('"7", "1"', '"1"'), ("*", '"1"')):
        answer = client.get(f"/pages/{page}", headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", named), tags
    assert client.get(f"/pages/{page}", headers={"If-None-Match": '"2", "abc"'}).status_code == 200
    bad = client.get(f"/pages/{page}", headers={"If-None-Match": "1"})
    assert (bad.status_code, bad.json()["code"]) == (400, "bad_header")


def test_head_has_the_headers_and_no_body(api: Api) -> None:
    answer = api.client().head(f"/pages/{api.create()}")
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (200, b"", '"1"')
    assert int(answer.headers["content-length"]) > 0


def test_a_patch_makes_a_version(api: Api) -> None:
    client, page = api.client(), api.create(blocks=BLOCKS)
    answer = client.patch(
        f"/pages/{page}", json=replace("/blocks/intro/data/text", "eins"), headers={"If-Match": '"1"', **JSON_PATCH}
    )
    assert (answer.status_code, answer.headers["etag"]) == (200, '"2"')
    saved = answer.json()
    assert (saved["version"], saved["rebased"], saved["base_version"], saved["server_patch"]) == (2, False, 1, [])
    assert saved["applied_patch"] == replace("/blocks/0/data/text", "eins")
    assert "document" not in saved
    assert client.get(f"/pages/{page}").json()["blocks"][0]["data"]["text"] == "eins"


def test_prefer_representation_adds_the_document(api: Api) -> None:
    client, page = api.client(), api.create(blocks=BLOCKS)
    answer = client.patch(
        f"/pages/{page}?base_version=1",
        json=replace("/title", "new"),
        headers={"Prefer": "respond-async, return=representation", **JSON_PATCH},
    )
    assert answer.headers["preference-applied"] == "return=representation"
    assert answer.json()["document"] == client.get(f"/pages/{page}").json()


def test_a_merge_patch_and_a_whole_document_are_saved(api: Api) -> None:
    client, page = api.client(), api.create(blocks=BLOCKS, properties={"a": 1, "b": 2})
    merged = client.patch(
        f"/pages/{page}", json={"properties": {"a": None}}, headers={"If-Match": 'W/"1"', **MERGE_PATCH}
    )
    assert merged.json()["version"] == 2
    document = client.get(f"/pages/{page}").json()
    assert document["properties"] == {"b": 2}
    document["blocks"].reverse()
    document["title"] = "turned"
    put = client.put(f"/pages/{page}", json=document, headers={"If-Match": '"1", "2"'})
    assert (put.status_code, put.json()["version"]) == (200, 3)
    assert client.get(f"/pages/{page}").json() == {**document, "version": 3}


@pytest.mark.parametrize(
    ("headers", "query", "status", "code"),
    [
        ({}, "", 428, "precondition_required"),
        ({"If-Match": '"9"'}, "", 412, "version_mismatch"),
        ({"If-Match": '"abc"'}, "", 412, "version_mismatch"),
        ({"If-Match": '"*"'}, "", 412, "version_mismatch"),
        ({"If-Match": '"9"'}, "?base_version=2", 412, "version_mismatch"),
        ({"If-Match": "2"}, "", 400, "bad_header"),
        ({"If-Match": '"2" "3"'}, "", 400, "bad_header"),
        ({}, "?base_version=1", 409, "version_conflict"),
        ({}, "?base_version=3", 422, "version_unknown"),
        ({}, "?base_version=0", 400, "bad_parameter"),
        ({}, "?base_version=two", 400, "bad_parameter"),
        ({}, "?base_version=99999999999999999999", 400, "bad_parameter"),
        ({"If-Match": '"2"', "Quire-Priority": "urgent"}, "", 400, "bad_header"),
    ],
)
def test_preconditions(api: Api, headers: dict[str, str], query: str, status: int, code: str) -> None:
    client, page = api.client(), api.create()
    client.patch(f"/pages/{page}", json=replace("/title", "b"), headers={"If-Match": "*", **JSON_PATCH})
    for method, content_type, body in (
        ("PATCH", "application/json-patch+json", replace("/title", "c")),
        ("PUT", "application/json", EMPTY),
    ):
        answer = client.request(
            method, f"/pages/{page}{query}", json=body, headers={**headers, "Content-Type": content_type}
        )
        assert (answer.status_code, answer.json()["code"]) == (status, code)
        if status in (409, 412):
            assert answer.json()["current_version"] == 2
    assert client.get(f"/pages/{page}").headers["etag"] == '"2"'


def test_an_inapplicable_patch_says_where(api: Api) -> None:
    answer = api.client().patch(
        f"/pages/{api.create(blocks=BLOCKS)}",
        json=[{"op": "test", "path": "/title", "value": "A page"}, {"op": "remove", "path": "/blocks/nobody"}],
        headers={"If-Match": '"1"', **JSON_PATCH},
    )
    problem = answer.json()
    assert (answer.status_code, problem["operation"], problem["pointer"]) == (422, 1, "/blocks/nobody")


def test_deleted_is_gone(api: Api) -> None:
    client, page = api.client(), api.create()
    assert client.delete(f"/pages/{page}").json()["code"] == "precondition_required"
    assert client.delete(f"/pages/{page}", headers={"If-Match": '"2"'}).status_code == 412
    answer = client.delete(f"/pages/{page}", headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.content) == (204, b"")
    assert client.get(f"/pages/{page}").json()["code"] == "page_not_found"
    assert page not in {listed["id"] for listed in client.get("/pages?limit=200").json()["pages"]}


def test_the_list_goes_from_newest_to_oldest_in_parts(api: Api) -> None:
    client = api.client()
    made = [api.create(title=f"page {number}") for number in range(5)]
    listed: list[str] = []
    cursor = ""
    for _ in range(100):
        answer = client.get("/pages", params={"limit": 2, **({"cursor": cursor} if cursor else {})}).json()
        listed += [page["id"] for page in answer["pages"]]
        cursor = answer["next_cursor"]
        if cursor is None:
            break
    assert listed[:5] == made[::-1]
    assert len(listed) == len(set(listed))
    assert client.get("/pages?updated_within=1h&limit=1").json()["pages"][0]["id"] == made[-1]
    with psycopg.connect(api.database) as connection:
        connection.execute(
            "update core.pages set updated_at = updated_at - interval '8 days',"
            " edited_minute = edited_minute - interval '8 days' where id = %s",
            [made[0]],
        )
    week = {page["id"] for page in client.get("/pages?updated_within=7d&limit=200").json()["pages"]}
    assert made[0] not in week and made[1] in week


def test_priority_reaches_the_queue(api: Api, conn: psycopg.Connection) -> None:
    for word, number in (("interactive", 0), ("edit", 100), ("import", 200), (None, 100)):
        answer = api.client().post(
            "/pages", json={"title": "x"}, headers={"Quire-Priority": word} if word is not None else {}
        )
        row = conn.execute(
            "select priority from core.indexing_queue where page_id = %s", [answer.json()["id"]]
        ).fetchone()
        assert row == (number,)


def test_scopes_and_roles_are_kept(api: Api) -> None:
    page = api.create()
    reader = api.client(api.new_token("read", role="editor"))
    assert reader.get(f"/pages/{page}").status_code == 200
    answer = reader.post("/pages", json={"title": "x"})
    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")
    assert 'scope="write"' in answer.headers["www-authenticate"]
    writer = api.client(api.new_token("write", role="editor"))
    assert writer.get(f"/pages/{page}").json()["code"] == "insufficient_scope"
    assert writer.post("/pages", json={"title": "x"}).status_code == 201
    viewer = api.client(api.new_token("read", "write", role="viewer"))
    assert viewer.get(f"/pages/{page}").status_code == 200
    assert viewer.post("/pages", json={"title": "x"}).json()["code"] == "role_required"


def test_another_workspace_is_like_none(api: Api) -> None:
    page = api.create()
    # An operator of the installation is no member either.
    for token in (api.new_token("read", "write", role=None), api.new_token("read", "write", "admin", role=None)):
        stranger = api.client(token)
        assert stranger.get("/pages").json()["code"] == "workspace_not_found"
        for method, path, body in (
            ("GET", f"/pages/{page}", None),
            ("GET", "/search?q=page", None),
            ("PUT", f"/pages/{page}", EMPTY),
            ("DELETE", f"/pages/{page}", None),
            ("POST", "/pages", {"title": "x"}),
        ):
            answer = stranger.request(method, path, json=body, headers={"If-Match": "*"})
            nowhere = stranger.request(
                method,
                f"{api.url}/v1/workspaces/{uuid.uuid4()}{path}",
                json=body,
                headers={"If-Match": "*"},
            )
            assert (answer.status_code, answer.json()["code"]) == (404, "workspace_not_found"), method
            assert answer.json()["detail"] == nowhere.json()["detail"]

"""The past of a page over HTTP: versions, what changed since, the log, differences."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest

from app.tests.processes import Api

JSON_PATCH = {"Content-Type": "application/json-patch+json", "If-Match": "*"}
BLOCKS: list[dict[str, Any]] = [
    {"id": "a", "type": "paragraph", "data": {"text": "one"}},
    {"id": "b", "type": "paragraph", "data": {"text": "two"}},
]


@pytest.fixture
def page(api: Api) -> str:
    """A page of three versions: blocks a b; b a; b."""
    client, page = api.client(), api.create(title="first", blocks=BLOCKS)
    for operation in (
        {"op": "move", "from": "/blocks/b", "path": "/blocks/a"},
        {"op": "remove", "path": "/blocks/a"},
    ):
        assert client.patch(f"/pages/{page}", json=[operation], headers=JSON_PATCH).status_code == 200
    return page


def ids(document: dict[str, Any]) -> list[str]:
    return [block["id"] for block in document["blocks"]]


def test_a_version_is_read_with_its_etag(api: Api, page: str) -> None:
    client = api.client()
    for version, blocks in ((1, ["a", "b"]), (2, ["b", "a"]), (3, ["b"])):
        answer = client.get(f"/pages/{page}?version={version}")
        assert (answer.status_code, answer.headers["etag"]) == (200, f'"{version}"')
        assert (ids(answer.json()), answer.json()["version"], answer.json()["id"]) == (blocks, version, page)
        assert "private" in answer.headers["cache-control"]
    assert client.get(f"/pages/{page}?version=3").content == client.get(f"/pages/{page}").content
    assert client.head(f"/pages/{page}?version=1").headers["etag"] == '"1"'


def test_a_known_version_is_304(api: Api, page: str) -> None:
    client = api.client()
    # the form that was asked about comes back, for the cache that keeps it
    for tags, etag in (('"1"', '"1"'), ('"7", W/"1"', 'W/"1"'), ("*", '"1"')):
        answer = client.get(f"/pages/{page}?version=1", headers={"If-None-Match": tags})
        assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", etag), tags
    assert client.get(f"/pages/{page}?version=1", headers={"If-None-Match": '"3"'}).status_code == 200
    known = client.get(f"/pages/{page}?since=1", headers={"If-None-Match": '"3"'})
    assert (known.status_code, known.headers["etag"]) == (304, '"3"')


def test_since_a_version_only_what_changed(api: Api, page: str) -> None:
    answer = api.client().get(f"/pages/{page}?since=1")
    assert (answer.status_code, answer.headers["etag"]) == (200, '"3"')
    assert answer.json() == {
        "version": 3, "title": "first", "properties": {}, "order": ["b"], "blocks": [], "removed": ["a"],
    }  # fmt: skip
    assert ids(api.client().get(f"/pages/{page}?since=0").json()) == ["b"]


def test_the_log_in_parts(api: Api, page: str) -> None:
    client = api.client()
    first = client.get(f"/pages/{page}/changes?limit=2").json()
    assert [change["version"] for change in first["changes"]] == [1, 2]
    assert [change["kind"] for change in first["changes"]] == ["create", "patch"]
    assert first["changes"][1]["ops"] == [{"op": "move", "from": "/blocks/1", "path": "/blocks/0"}]
    assert first["next"] == 2
    rest = client.get(f"/pages/{page}/changes", params={"since": first["next"]}).json()
    assert ([change["version"] for change in rest["changes"]], rest["next"]) == ([3], None)


def test_the_difference_is_a_patch(api: Api, page: str) -> None:
    client = api.client()
    answer = client.get(f"/pages/{page}/diff?from=1&to=2", headers={"Accept": "application/json-patch+json"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json-patch+json")
    assert answer.json() == [{"op": "move", "from": "/blocks/1", "path": "/blocks/0"}]
    assert client.get(f"/pages/{page}/diff?from=2").json() == [{"op": "remove", "path": "/blocks/1"}]
    assert client.get(f"/pages/{page}/diff?from=3&to=3").json() == []
    back = client.get(f"/pages/{page}/diff?from=3&to=1").json()
    assert client.patch(f"/pages/{page}", json=back, headers=JSON_PATCH).status_code == 200
    assert client.get(f"/pages/{page}").json()["blocks"] == BLOCKS
    refused = client.get(f"/pages/{page}/diff?from=1", headers={"Accept": "application/json"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("?version=1&since=1", 400, "bad_parameter"),
        ("?version=0", 400, "bad_parameter"),
        ("?version=-1", 400, "bad_parameter"),
        ("?since=x", 400, "bad_parameter"),
        ("?version=9", 404, "version_not_found"),
        ("?since=9", 422, "version_unknown"),
        ("/changes?since=9", 422, "version_unknown"),
        ("/changes?limit=0", 400, "bad_parameter"),
        ("/diff", 400, "bad_parameter"),
        ("/diff?from=9", 404, "version_not_found"),
        ("/diff?from=1&to=9", 404, "version_not_found"),
        ("/diff?since=1", 400, "unknown_parameter"),
    ],
)
def test_what_is_refused(api: Api, page: str, query: str, status: int, code: str) -> None:
    answer = api.client().get(f"/pages/{page}{query}")
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_what_retention_took_is_410(api: Api, page: str, conn: psycopg.Connection) -> None:
    conn.execute("delete from core.page_snapshots where page_id = %s", [page])
    conn.execute("delete from core.page_changes where page_id = %s and version < 3", [page])
    for query in ("?version=1", "?since=1", "/changes?since=1", "/diff?from=1"):
        answer = api.client().get(f"/pages/{page}{query}")
        assert (answer.status_code, answer.json()["code"]) == (410, "version_purged"), query
        assert answer.json()["oldest_version"] == 2
    assert api.client().get(f"/pages/{page}?version=2").status_code == 200


def test_damage_is_a_fault_of_the_service(api: Api, page: str, conn: psycopg.Connection) -> None:
    conn.execute("delete from core.page_snapshots where page_id = %s", [page])
    conn.execute("delete from core.page_changes where page_id = %s and version = 2", [page])
    answer = api.client().get(f"/pages/{page}?since=1")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")


def test_of_a_deleted_page_nothing_is_read(api: Api, page: str) -> None:
    client = api.client()
    assert client.delete(f"/pages/{page}", headers={"If-Match": "*"}).status_code == 204
    for query in ("?version=1", "?since=1", "/changes", "/diff?from=1"):
        answer = client.get(f"/pages/{page}{query}")
        assert (answer.status_code, answer.json()["code"]) == (404, "page_not_found"), query


def test_versions_have_names(api: Api, page: str) -> None:
    client = api.client()
    assert client.get(f"/pages/{page}/versions").json() == {"versions": []}
    named = client.put(f"/pages/{page}/versions/sent%20to%20print", json={"version": 2})
    assert (named.status_code, named.json()["name"], named.json()["version"]) == (201, "sent to print", 2)
    newest = client.put(f"/pages/{page}/versions/Ünï", json={})
    assert (newest.status_code, newest.json()["version"]) == (201, 3)
    assert client.put(f"/pages/{page}/versions/Ünï", json={"version": 1}).status_code == 200
    listed = client.get(f"/pages/{page}/versions").json()["versions"]
    assert [(name["name"], name["version"]) for name in listed] == [("sent to print", 2), ("Ünï", 1)]
    assert client.delete(f"/pages/{page}/versions/Ünï").status_code == 204
    gone = client.delete(f"/pages/{page}/versions/Ünï")
    assert (gone.status_code, gone.json()["code"]) == (404, "name_not_found")
    assert client.get(f"/pages/{page}").json()["version"] == 3


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ("{", 400, "malformed_json"),
        ("[" * 100_000, 413, "too_deep"),
        ('{"version": 1, "version": 2}', 400, "duplicate_key"),
        ("[]", 422, "document_not_object"),
        ('{"Version": 1}', 422, "unknown_member"),
        ('{"version": "1"}', 422, "invalid_value"),
        ('{"version": 1.0}', 422, "invalid_value"),
        ('{"version": true}', 422, "invalid_value"),
        ('{"version": 0}', 422, "invalid_value"),
        ('{"version": 9223372036854775808}', 422, "invalid_value"),
        ('{"version": 9}', 404, "version_not_found"),
    ],
)
def test_a_version_to_name_is_read_strictly(api: Api, page: str, body: str, status: int, code: str) -> None:
    headers = {"Content-Type": "application/json"}
    answer = api.client().put(f"/pages/{page}/versions/x", content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_name_is_a_line_that_a_path_can_hold(api: Api, page: str) -> None:
    for name in ("%20x", "a%0Ab", "x" * 201):
        answer = api.client().put(f"/pages/{page}/versions/{name}", json={})
        assert (answer.status_code, answer.json()["code"]) == (422, "name_invalid"), name


def test_an_older_version_comes_back_as_a_new_one(api: Api, page: str) -> None:
    client = api.client()
    restored = client.post(f"/pages/{page}/restore", json={"version": 1})
    assert (restored.status_code, restored.headers["etag"]) == (200, '"4"')
    saved = restored.json()
    assert (saved["version"], saved["rebased"], saved["base_version"], saved["server_patch"]) == (4, False, 3, [])
    assert saved["applied_patch"] == [{"op": "add", "path": "/blocks/0", "value": BLOCKS[0]}]
    assert client.get(f"/pages/{page}").json()["blocks"] == BLOCKS
    assert client.get(f"/pages/{page}/changes?since=3").json()["changes"][0]["kind"] == "restore"
    again = client.post(f"/pages/{page}/restore", json={"version": 2}, headers={"Prefer": "return=representation"})
    assert (ids(again.json()["document"]), again.headers["preference-applied"]) == (["b", "a"], "return=representation")


def test_a_deleted_page_comes_back(api: Api, page: str) -> None:
    client = api.client()
    assert client.delete(f"/pages/{page}", headers={"If-Match": "*"}).status_code == 204
    assert client.post(f"/pages/{page}/restore", json={"version": 3}).json()["version"] == 5
    assert ids(client.get(f"/pages/{page}").json()) == ["b"]


@pytest.mark.parametrize(
    ("body", "match", "status", "code"),
    [
        ({"version": 9}, None, 404, "version_not_found"),
        ({}, None, 422, "member_missing"),
        ({"version": 1}, '"2"', 412, "version_mismatch"),
    ],
)
def test_what_cannot_be_restored(
    api: Api, page: str, body: dict[str, int], match: str | None, status: int, code: str
) -> None:
    headers = {"If-Match": match} if match else {}
    answer = api.client().post(f"/pages/{page}/restore", json=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_a_viewer_restores_and_names_nothing(api: Api, page: str) -> None:
    viewer = api.client(api.new_token("read", "write", role="viewer"))
    for answer in (
        viewer.post(f"/pages/{page}/restore", json={"version": 1}),
        viewer.put(f"/pages/{page}/versions/x", json={}),
        viewer.delete(f"/pages/{page}/versions/x"),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "role_required")
    assert viewer.get(f"/pages/{page}/versions").status_code == 200

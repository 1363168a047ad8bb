"""Idempotency-Key, batches, preferences and conflicts over HTTP."""

from __future__ import annotations

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg
import pytest

from app.tests.processes import Api

JSON_PATCH = {"Content-Type": "application/json-patch+json"}
JSON = {"Content-Type": "application/json"}
BLOCKS: list[dict[str, Any]] = [{"id": name, "type": "paragraph", "data": {"text": name}} for name in "abc"]


def replace(path: str, value: object) -> list[dict[str, object]]:
    return [{"op": "replace", "path": path, "value": value}]


def versions(api: Api, *pages: str) -> list[int]:
    client = api.client()
    return [client.get(f"/pages/{page}").json()["version"] for page in pages]


def patches_of(*pages: str, title: str = "new") -> list[dict[str, Any]]:
    return [{"page_id": page, "if_match": "*", "merge": {"title": title}} for page in pages]


def test_ten_equal_patches_at_once_are_one_write(api: Api) -> None:
    page = api.create(blocks=BLOCKS)
    clients = [api.client() for _ in range(10)]

    def save(client: httpx.Client) -> httpx.Response:
        return client.patch(
            f"/pages/{page}?base_version=1",
            json=[{"op": "add", "path": "/blocks/-", "value": {"type": "paragraph", "data": {}}}],
            headers={"Idempotency-Key": "ten", **JSON_PATCH},
        )

    with ThreadPoolExecutor(len(clients)) as pool:
        answers = list(pool.map(save, clients))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.content for answer in answers}) == 1
    assert {answer.headers["etag"] for answer in answers} == {'"2"'}
    replayed = [answer.headers.get("idempotency-replayed") for answer in answers]
    assert replayed.count("true") == 9 and replayed.count(None) == 1
    assert versions(api, page) == [2]


def test_each_write_is_replayed_with_its_headers(api: Api) -> None:
    client, page = api.client(), str(uuid.uuid4())
    requests: list[tuple[str, str, object, dict[str, str]]] = [
        ("POST", "/pages", {"id": page, "title": "one"}, JSON),
        ("PATCH", f"/pages/{page}", replace("/title", "two"), {"If-Match": '"1"', **JSON_PATCH}),
        ("PUT", f"/pages/{page}", {"title": "3", "properties": {}, "blocks": []}, {"If-Match": '"2"', **JSON}),
        ("POST", "/pages:batch", {"patches": patches_of(page, title="four")}, JSON),
        ("DELETE", f"/pages/{page}", None, {"If-Match": '"4"'}),
    ]
    for number, (method, path, body, headers) in enumerate(requests):
        sent = {"Idempotency-Key": f"each-{number}", "Prefer": "return=representation", **headers}
        content = None if body is None else json.dumps(body)
        first = client.request(method, path, content=content, headers=sent)
        again = client.request(method, path, content=content, headers={**sent, "Idempotency-Key": f'"each-{number}"'})
        assert first.status_code in (200, 201, 204), first.text
        assert (again.status_code, again.content) == (first.status_code, first.content)
        for name in ("etag", "location", "preference-applied", "content-type"):
            assert again.headers.get(name) == first.headers.get(name), f"{name} of {method} {path}"
        assert "idempotency-replayed" not in first.headers
        assert again.headers["idempotency-replayed"] == "true"


def test_refusals_are_replayed_as_problems(api: Api) -> None:
    client, page = api.client(), api.create(blocks=BLOCKS)
    client.patch(f"/pages/{page}", json=replace("/title", "theirs"), headers={"If-Match": "*", **JSON_PATCH})
    for query, headers, patch, status, code in (
        ("?base_version=1", {}, replace("/title", "mine"), 409, "version_conflict"),
        ("", {"If-Match": '"1"'}, replace("/title", "mine"), 412, "version_mismatch"),
        ("", {"If-Match": "*"}, [{"op": "remove", "path": "/blocks/n"}], 422, "block_not_found"),
    ):

        def send(
            query: str = query, headers: dict[str, str] = headers, patch: object = patch, status: int = status
        ) -> httpx.Response:
            sent = {"Idempotency-Key": f"refused-{status}", **headers, **JSON_PATCH}
            return client.patch(f"/pages/{page}{query}", json=patch, headers=sent)

        first = send()
        # what would be saved now stays refused: it is the answer of then
        client.patch(
            f"/pages/{page}",
            json=[{"op": "add", "path": "/blocks/-", "value": {"id": "n", "type": "paragraph"}}]
            if status == 422
            else replace("/properties", {"n": status}),
            headers={"If-Match": "*", **JSON_PATCH},
        )
        again = send()
        assert first.headers["content-type"] == again.headers["content-type"] == "application/problem+json"
        assert (first.status_code, first.json()["code"]) == (status, code)
        assert again.headers["idempotency-replayed"] == "true" and "idempotency-replayed" not in first.headers
        assert {**first.json(), "request_id": ""} == {**again.json(), "request_id": ""}
        assert again.status_code == status


def test_a_key_with_another_request_is_refused(api: Api) -> None:
    client, page = api.client(), api.create()
    sent = {"Idempotency-Key": "reused", "If-Match": "*", **JSON_PATCH}
    assert client.patch(f"/pages/{page}", json=replace("/title", "one"), headers=sent).status_code == 200
    answer = client.patch(f"/pages/{page}", json=replace("/title", "two"), headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (422, "idempotency_key_reused")
    assert "idempotency-replayed" not in answer.headers
    assert versions(api, page) == [2]


@pytest.mark.parametrize("key", ["", '""', "two words", "k" * 256, "\u00e4", '"half'])
def test_bad_keys(api: Api, key: str) -> None:
    answer = api.client().post("/pages", json={}, headers=[(b"Idempotency-Key", key.encode("latin-1"))])
    assert (answer.status_code, answer.json()["code"], answer.json()["header"]) == (
        400,
        "bad_header",
        "Idempotency-Key",
    )


def test_two_keys_are_refused(api: Api) -> None:
    answer = api.client().post("/pages", json={}, headers=[("Idempotency-Key", "a"), ("Idempotency-Key", "b")])
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_header")


def test_an_atomic_batch_is_all_or_nothing(api: Api) -> None:
    client, pages = api.client(), sorted(api.create(blocks=BLOCKS) for _ in range(3))
    answer = client.post("/pages:batch", json={"patches": patches_of(*reversed(pages))})
    assert answer.status_code == 200
    assert [(result["page_id"], result["version"]) for result in answer.json()["results"]] == [
        (page, 2) for page in reversed(pages)
    ]
    assert "etag" not in answer.headers
    bad = {"page_id": pages[2], "base_version": 1, "patch": replace("/title", "mine")}
    refused = client.post("/pages:batch", json={"patches": [*patches_of(*pages[:2], title="undone"), bad]})
    problem = refused.json()
    assert refused.headers["content-type"] == "application/problem+json"
    assert (refused.status_code, problem["code"], problem["index"], problem["page_id"]) == (
        409,
        "version_conflict",
        2,
        pages[2],
    )
    assert [conflict["kind"] for conflict in problem["conflicts"]] == ["write_write"]
    assert versions(api, *pages) == [2, 2, 2]
    strange = str(uuid.uuid4())
    gone = client.post("/pages:batch", json={"patches": patches_of(pages[0], strange, title="undone")})
    assert (gone.status_code, gone.json()["code"], gone.json()["page_id"]) == (404, "page_not_found", strange)
    assert versions(api, pages[0]) == [2]


def test_the_patches_of_other_batches_stand_for_themselves(api: Api) -> None:
    client, pages = api.client(), [api.create(blocks=BLOCKS) for _ in range(2)]
    answer = client.post(
        "/pages:batch",
        json={
            "atomic": False,
            "patches": [
                {"page_id": pages[1], "base_version": 1, "patch": replace("/blocks/a/data/text", "A")},
                {"page_id": pages[0], "if_match": '"7"', "patch": replace("/title", "x")},
                {"page_id": pages[0], "if_match": "1", "patch": [{"op": "remove", "path": "/blocks/9"}]},
                {"page_id": pages[1], "base_version": 1, "patch": replace("/blocks/b/data/text", "B")},
            ],
        },
        headers={"Prefer": "return=minimal"},
    )
    assert answer.status_code == 200
    assert answer.headers["preference-applied"] == "return=minimal"
    results = answer.json()["results"]
    assert [(result["page_id"], result["status"], result.get("code")) for result in results] == [
        (pages[1], 200, None),
        (pages[0], 412, "version_mismatch"),
        (pages[0], 422, "patch_index_out_of_range"),
        (pages[1], 200, None),
    ]
    assert results[3] == {"page_id": pages[1], "status": 200, "version": 3, "rebased": True, "base_version": 1}
    assert versions(api, *pages) == [1, 3]


def test_a_page_of_another_workspace_is_not_there(api: Api, conn: psycopg.Connection) -> None:
    row = conn.execute("select ops.create_workspace('other')").fetchone()
    assert row is not None
    there = api.client(api.new_token("write", "bypass_rate_limit", workspace=row[0]))
    theirs = there.post(f"{api.url}/v1/workspaces/{row[0]}/pages", json={"title": "theirs"})
    assert theirs.status_code == 201
    answer = api.client().post("/pages:batch", json={"patches": patches_of(theirs.json()["id"])})
    assert (answer.status_code, answer.json()["code"]) == (404, "page_not_found")
    stranger = there.post("/pages:batch", json={"patches": patches_of(api.create())})
    assert (stranger.status_code, stranger.json()["code"]) == (404, "workspace_not_found")


@pytest.mark.parametrize(
    ("body", "status", "code", "members"),
    [
        ("", 400, "malformed_json", {}),
        ("{", 400, "malformed_json", {}),
        ("[" * 100000, 413, "too_deep", {}),
        ('{"patches": 1}', 422, "batch_malformed", {"pointer": ""}),
        ('{"patches": []}', 422, "batch_malformed", {"pointer": "/patches"}),
        ('{"patches": [{"page_id": "x"}]}', 422, "batch_malformed", {"index": 0, "pointer": "/patches/0/page_id"}),
        (json.dumps({"patches": [{}] * 101}), 413, "too_many_patches", {"limit": 100}),
    ],
)
def test_what_is_no_batch(api: Api, body: str, status: int, code: str, members: dict[str, Any]) -> None:
    answer = api.client().post("/pages:batch", content=body, headers=JSON)
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (status, code)
    assert {name: problem[name] for name in members} == members
    wrong = api.client().post("/pages:batch", content=body, headers=JSON_PATCH)
    assert (wrong.status_code, wrong.headers["accept-post"]) == (415, "application/json")


def test_a_batch_costs_a_point_for_each_patch(api: Api) -> None:
    pages = [api.create() for _ in range(2)]

    def send(client: httpx.Client, count: int, title: str) -> httpx.Response:
        patches = [
            patch for number in range(count) for patch in patches_of(pages[number % 2], title=f"{title}{number}")
        ]
        return client.post("/pages:batch", json={"patches": patches})

    fresh = api.client(api.new_token("write"))
    over = send(fresh, 31, "over")
    assert (over.status_code, over.json()["code"]) == (400, "cost_over_limit")
    assert (over.json()["cost"], over.json()["limit"]) == (31, 30)
    first = send(fresh, 20, "first")
    assert (first.status_code, first.headers["x-ratelimit-remaining"]) == (200, "10")
    second = send(fresh, 20, "second")
    assert (second.status_code, second.json()["code"]) == (429, "rate_limited")
    assert versions(api, *pages) == [11, 11]
    exact = send(api.client(api.new_token("write")), 30, "exact")
    assert (exact.status_code, exact.headers["x-ratelimit-remaining"]) == (200, "0")
    malformed = api.client(api.new_token("write")).post("/pages:batch", content="[1", headers=JSON)
    assert (malformed.status_code, malformed.headers["x-ratelimit-remaining"]) == (400, "29")
    assert send(api.client(), 31, "bypassed").status_code == 200


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_preferences_of_a_save(api: Api, method: str) -> None:
    client, page = api.client(), api.create(blocks=BLOCKS)

    def save(title: str, prefer: str | None) -> httpx.Response:
        body: object = replace("/title", title)
        if method == "PUT":
            body = {"title": title, "properties": {}, "blocks": BLOCKS}
        headers = {"If-Match": "*", **(JSON_PATCH if method == "PATCH" else JSON)}
        return client.request(
            method, f"/pages/{page}", json=body, headers=headers | ({"Prefer": prefer} if prefer else {})
        )

    plain = save("2", None)
    assert set(plain.json()) == {"version", "rebased", "base_version", "server_patch", "applied_patch"}
    assert "preference-applied" not in plain.headers
    minimal = save("3", "return=minimal")
    assert minimal.json() == {"version": 3, "rebased": False, "base_version": 2}
    assert minimal.headers["preference-applied"] == "return=minimal"
    assert minimal.headers["etag"] == '"3"'
    whole = save("4", 'wait=5, return="representation"; x=y')
    assert whole.headers["preference-applied"] == "return=representation"
    assert whole.json()["document"] == client.get(f"/pages/{page}").json()
    assert whole.json()["applied_patch"] == replace("/title", "4")
    other = save("5", "return=nothing")
    assert "preference-applied" not in other.headers
    assert set(other.json()) == set(plain.json())


def test_numbers_keep_their_digits_in_conflicts(api: Api) -> None:
    client, page = api.client(), api.create(properties={"n": 1})
    theirs, mine = "12345678901234567890.123", "1.10"

    def save(number: str, query: str, headers: dict[str, str]) -> httpx.Response:
        body = '[{"op": "replace", "path": "/properties/n", "value": ' + number + "}]"
        return client.patch(f"/pages/{page}{query}", content=body, headers={**headers, **JSON_PATCH})

    saved = save(theirs, "", {"If-Match": '"1"'})
    assert f'"value": {theirs}' in saved.text
    for answer, status in ((save(mine, "?base_version=1", {}), 409), (save(mine, "", {"If-Match": '"1"'}), 412)):
        assert answer.status_code == status
        assert f'"theirs": {theirs}' in answer.text
        assert f'"yours": {mine}' in answer.text
        assert answer.text.count(theirs) == 2, "in server_patch too"
    patch = {"page_id": page, "base_version": 1, "patch": "PATCH"}
    body = json.dumps({"patches": [patch]}).replace(
        '"PATCH"', '[{"op": "replace", "path": "/properties/n", "value": ' + mine + "}]"
    )
    refused = client.post("/pages:batch", content=body, headers=JSON)
    assert refused.status_code == 409
    assert f'"theirs": {theirs}' in refused.text


def test_a_client_catches_up_with_what_a_save_answers(api: Api) -> None:
    """From its base, server_patch and then applied_patch lead to the new version: no GET is needed."""
    client, page = api.client(), api.create(blocks=BLOCKS)
    theirs = client.patch(
        f"/pages/{page}", json=[{"op": "remove", "path": "/blocks/0"}], headers={"If-Match": '"1"', **JSON_PATCH}
    )
    mine = client.patch(
        f"/pages/{page}?base_version=1", json=replace("/blocks/2/data/text", "mine"), headers=JSON_PATCH
    ).json()
    assert (mine["version"], mine["rebased"], mine["base_version"]) == (3, True, 1)
    assert mine["server_patch"] == theirs.json()["applied_patch"]
    assert mine["applied_patch"] == replace("/blocks/1/data/text", "mine")

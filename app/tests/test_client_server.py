"""The client against the real API, with real losses in between."""

from __future__ import annotations

import asyncio
import random
import re
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from app.client import (
    AsyncClient,
    Client,
    Conflict,
    Forbidden,
    NotFound,
    Page,
    PreconditionFailed,
    PreconditionRequired,
    TooLarge,
    Unauthorized,
    Unprocessable,
)
from app.client.differ import same
from app.tests import contract
from app.tests.lossy import lossy_proxy
from app.tests.processes import Api
from app.tests.test_limits_http import changed_policy


@pytest.fixture
def client(api: Api) -> Generator[Client]:
    with client_of(api) as client:
        yield client


def client_of(api: Api, token: str | None = None, url: str | None = None) -> Client:
    return Client(url or api.url, token or api.admin_token, str(api.workspace))


def blocks(*names: str) -> list[dict[str, Any]]:
    return [{"id": name, "type": "paragraph", "data": {"text": name}} for name in names]


def content(document: dict[str, Any]) -> dict[str, Any]:
    return {name: document[name] for name in ("title", "properties", "blocks")}


def edit(page: Page, chance: random.Random) -> None:
    """Some edits as an editor makes them."""
    for _ in range(chance.randint(1, 5)):
        places = range(len(page.blocks))
        action = chance.choice(
            ["text", "text", "member", "insert", "remove", "move", "type", "rows", "title", "property"]
        )
        if action == "insert" or not places:
            kind = chance.choice(["paragraph", "divider"])
            page.blocks.insert(chance.randint(0, len(places)), {"type": kind, "data": {"text": str(chance.random())}})
            continue
        block = page.blocks[chance.choice(places)]
        if action == "remove":
            page.blocks.remove(block)
        elif action == "move":
            page.blocks.remove(block)
            page.blocks.insert(chance.randint(0, len(places) - 1), block)
        elif action == "type":
            block["type"] = chance.choice(["todo", "quote"])
        elif action == "rows":
            block["data"]["rows"] = [[chance.choice([1, True, "a", None, [1]]) for _ in range(3)] for _ in range(3)]
        elif action == "member":
            block["data"][chance.choice(["checked", "a/b", "m~n", ""])] = chance.choice([True, 1, {"deep": [1]}, None])
        elif action == "title":
            page.title = str(chance.random())
        elif action == "property":
            page.properties[chance.choice("pq")] = chance.choice([{"x": 1}, {"x": True}, [1, 2], 0])
        else:
            block["data"]["text"] = str(chance.random())


def test_whatever_is_edited_is_what_the_server_has(client: Client) -> None:
    chance = random.Random(7)
    page = client.create({"title": "t", "blocks": blocks(*"abcdef")})
    for _ in range(60):
        edit(page, chance)
        page.save(minimal=chance.random() < 0.3)
        stored = client.fetch(page.id)
        assert same(content(stored), page.document)
        assert (stored["version"], page.pending()) == (page.version, [])


def test_two_who_edit_one_page_agree_in_the_end(client: Client) -> None:
    """Every save is rebased or resolved, and nobody ever reads the page but for `refresh` at the end."""
    chance = random.Random(11)
    first = client.create({"title": "t", "blocks": blocks(*"abcdefghij")})
    pages = [first, client.get(first.id)]
    rebased = conflicts = 0
    for _ in range(120):
        page = chance.choice(pages)
        edit(page, chance)
        try:
            rebased += page.save().rebased
        except Conflict as conflict:
            conflicts += 1
            page.resolve(conflict, keep=chance.choice(["yours", "theirs"]))
            page.save()
        stored = client.fetch(first.id)
        assert same(content(stored), page.document)
        assert stored["version"] == page.version
    assert rebased > 10 and conflicts > 5


def test_disjoint_edits_of_many_come_together(api: Api) -> None:
    async def main() -> None:
        async with AsyncClient(api.url, api.admin_token, str(api.workspace)) as client:
            page_id = (await client.create({"title": "t", "blocks": blocks(*"abcdefgh")})).id
            pages = [await client.get(page_id) for _ in range(8)]

            async def write(index: int) -> None:
                for number in range(4):
                    pages[index].block("abcdefgh"[index])["data"]["text"] = f"{index}/{number}"
                    assert (await pages[index].save()).overlaps == []

            await asyncio.gather(*(write(index) for index in range(8)))
            stored = await client.fetch(page_id)
            assert stored["version"] == 33
            assert [block["data"]["text"] for block in stored["blocks"]] == [f"{index}/3" for index in range(8)]

    asyncio.run(main())


def test_lost_answers_make_nothing_twice(api: Api) -> None:
    with lossy_proxy(api.url) as proxy, client_of(api, url=proxy.url) as client:
        title = str(uuid.uuid4())
        proxy.lose = 2
        page = client.create({"title": title, "blocks": blocks("a")})
        assert [found["id"] for found in client.pages() if found["title"] == title] == [page.id]
        for version in (2, 3):
            proxy.lose = 1
            page.blocks.append({"type": "divider"})
            assert page.save().version == version
        proxy.lose = 1
        saved = client.patch(page.id, [{"op": "add", "path": "/blocks/-", "value": {"type": "divider"}}], if_match=3)
        assert (saved.version, saved.replayed) == (4, True)
        assert len(client.fetch(page.id)["blocks"]) == 4
        proxy.lose = 1
        client.delete(page.id, if_match=4)
        assert proxy.lost == 6
        with pytest.raises(NotFound) as raised:
            client.fetch(page.id)
        assert raised.value.code == "page_not_found" and raised.value.request_id


def test_both_sides_of_a_conflict_are_told(client: Client) -> None:
    page = client.create({"title": "t", "blocks": blocks("a", "b")})
    other = client.get(page.id)
    other.block("a")["data"]["text"] = "theirs"
    other.save()
    page.block("a")["data"]["text"] = "mine"
    page.block("b")["data"]["text"] = "mine too"
    with pytest.raises(Conflict) as raised:
        page.save()
    conflict = raised.value
    assert (conflict.code, conflict.current_version, conflict.base_version) == ("version_conflict", 2, 1)
    assert [(c["kind"], c["pointer"], c["yours"], c["theirs"]) for c in conflict.conflicts] == [
        ("write_write", "/blocks/a/data/text", "mine", "theirs")
    ]
    assert conflict.server_patch and conflict.rebased_patch
    assert [overlap.pointer for overlap in page.resolve(conflict, keep="theirs")] == ["/blocks/a/data/text"]
    assert page.save().version == 3
    assert [block["data"]["text"] for block in client.fetch(page.id)["blocks"]] == ["theirs", "mine too"]
    with pytest.raises(PreconditionFailed) as stale:
        client.put(page.id, page.document, if_match=1)
    assert stale.value.current_version == 3 and stale.value.conflicts == []


def test_errors_of_the_server_have_their_types(api: Api, client: Client) -> None:
    page = client.create({"title": "t", "blocks": blocks("a")})
    with pytest.raises(PreconditionRequired):
        client.patch(page.id, [])
    with pytest.raises(Unprocessable) as inapplicable:
        client.patch(page.id, [{"op": "remove", "path": "/blocks/zz"}], base_version=1)
    assert (inapplicable.value.code, inapplicable.value.members["operation"]) == ("block_not_found", 0)
    with pytest.raises(Unprocessable, match="idempotency_key_reused"):
        client.patch(page.id, [], base_version=1, idempotency_key="k")
        client.post({"title": "other"}, idempotency_key="k")
    with pytest.raises(TooLarge):
        client.post({"title": "x" * 2_000_000})
    with client_of(api, "wrong") as stranger, pytest.raises(Unauthorized):
        stranger.fetch(page.id)
    with client_of(api, api.new_token("read", role="viewer")) as reader, pytest.raises(Forbidden):
        reader.delete(page.id, if_match=1)


def test_limits_are_waited_out(api: Api, conn: psycopg.Connection) -> None:
    with (
        changed_policy(conn, points=3, window_seconds=2, block_seconds=2),
        client_of(api, api.new_token("read", "write")) as client,
    ):
        versions = [client.post({"title": str(number)}, minimal=True).version for number in range(5)]
    assert versions == [1] * 5


def test_more_changes_than_a_patch_takes_are_saved_and_rebased(client: Client) -> None:
    page = client.create({"title": "t", "blocks": blocks("a", "b")})
    other = client.get(page.id)
    other.title = "theirs"
    other.save()
    page.blocks[1:1] = [{"type": "divider"} for _ in range(1100)]
    done = page.save()
    assert (done.version, done.rebased, page.title, len(page.blocks)) == (3, True, "theirs", 1102)
    assert content(client.fetch(page.id)) == page.document


def test_a_batch_is_all_or_nothing_or_each_for_itself(client: Client) -> None:
    pages = [client.create({"title": "t", "blocks": blocks("a")}) for _ in range(3)]
    bad = [{"op": "remove", "path": "/blocks/zz"}]
    good = [{"op": "replace", "path": "/title", "value": "new"}]
    patches = [
        {"page_id": page.id, "base_version": 1, "patch": patch}
        for page, patch in zip(pages, (good, bad, good), strict=True)
    ]
    with pytest.raises(Unprocessable) as raised:
        client.batch(patches)
    assert (raised.value.members["index"], raised.value.members["page_id"]) == (1, pages[1].id)
    assert {client.fetch(page.id)["version"] for page in pages} == {1}
    results = client.batch(patches, atomic=False)
    assert [result.page_id for result in results] == [page.id for page in pages]
    assert [result.saved and result.saved.version for result in results] == [2, None, 2]
    assert isinstance(results[1].error, Unprocessable) and results[1].error.code == "block_not_found"
    assert [result.saved.version for result in client.batch(patches[:1], minimal=True) if result.saved] == [2]


def test_a_list_is_iterated_to_its_end(api: Api) -> None:
    with psycopg.connect(api.database) as connection:
        row = connection.execute("select ops.create_workspace('list')").fetchone()
        assert row is not None
    token = api.new_token("read", "write", "bypass_rate_limit", workspace=row[0])
    with Client(api.url, token, str(row[0])) as client:
        made = {client.post({"title": str(number)}, minimal=True).page_id for number in range(205)}
        listed = [page["id"] for page in client.pages(updated_within="1h")]
    assert len(listed) == 205 and set(listed) == made


def test_search_finds_what_was_saved(client: Client) -> None:
    word = f"w{uuid.uuid4().hex}"
    page = client.create({"title": "t", "blocks": [{"type": "todo", "data": {"text": word, "checked": True}}]})
    found = client.search(word, mode="text", contains={"checked": True}, limit=5)
    assert [hit["page_id"] for hit in found["hits"]] == [page.id]


def test_the_past_of_a_page(client: Client) -> None:
    page = client.create({"title": "one", "blocks": blocks("a", "b")})
    for title in ("two", "three"):
        page.title = title
        page.save()
    old = client.get(page.id, version=1)
    assert (old.title, old.version) == ("one", 1)
    assert client.diff(page.id, 1, 3) == [{"op": "replace", "path": "/title", "value": "three"}]
    assert [change["version"] for change in client.changes(page.id)] == [1, 2, 3]
    client.name_version(page.id, "first draft", 1)
    assert [(named["name"], named["version"]) for named in client.versions(page.id)] == [("first draft", 1)]
    client.forget_version(page.id, "first draft")
    assert client.versions(page.id) == []
    page.block("b")["data"]["text"] = "pending"
    assert page.restore(1).version == 4
    assert (page.title, page.version) == ("one", 4)
    assert page.pending() == [{"op": "replace", "path": "/blocks/b/data/text", "value": "pending"}]
    old.block("a")["data"]["text"] = "edited in the past"
    assert old.save().version == 5
    assert page.save().version == 6
    assert page.document == content(client.fetch(page.id))
    page.delete()
    client.restore(page.id, 6)
    assert client.get(page.id).document == page.document


def test_catching_up_reads_only_what_changed(client: Client) -> None:
    page = client.create({"title": "t", "blocks": blocks(*"abcde")})
    other = client.get(page.id)
    chance = random.Random(3)
    for _ in range(30):
        edit(other, chance)
        other.save()
        assert page.refresh() == []
        assert (page.document, page.version, page.pending()) == (other.document, other.version, [])
    page.properties["mine"] = 1
    other.title = "theirs"
    other.save()
    assert page.refresh() == []
    assert page.title == "theirs"
    assert page.pending() == [{"op": "add", "path": "/properties/mine", "value": 1}]
    news = client.since(page.id, page.version)
    assert (news["version"], news["blocks"], news["removed"]) == (page.version, [], [])


def test_the_example_of_the_readme_runs(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (contract.ROOT / "README.md").read_text(encoding="utf-8")
    example = next(code for code in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "app.client" in code)
    for name, value in (("URL", api.url), ("TOKEN", api.admin_token), ("WORKSPACE", str(api.workspace))):
        monkeypatch.setenv(f"QUIRE_{name}", value)
    names: dict[str, Any] = {}
    exec(compile(example, str(Path("README.md")), "exec"), names)
    page: Page = names["page"]
    with client_of(api) as client:
        assert content(client.fetch(page.id)) == page.document

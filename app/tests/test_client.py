"""The client against scripted answers over real sockets: what it sends, what it repeats, what it raises."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import httpx
import pytest

from app.client import (
    AsyncClient,
    BadRequest,
    Client,
    Conflict,
    Forbidden,
    Gone,
    NotFound,
    PreconditionFailed,
    PreconditionRequired,
    QuireError,
    RateLimited,
    Saved,
    TooLarge,
    Unauthorized,
    Unavailable,
    Unprocessable,
)
from app.client.steps import Pause, Send, Session, json_of, send
from app.tests.scripted import LOST, TORN, WORKSPACE, Answer, ScriptedServer, problem, scripted

pytestmark = pytest.mark.once

T = TypeVar("T")
PAGE = "11111111-1111-1111-1111-111111111111"


def document(version: int = 1, **changed: Any) -> dict[str, Any]:
    blocks = [{"id": name, "type": "paragraph", "data": {"text": name}} for name in ("a", "b", "c")]
    return {"id": PAGE, "title": "t", "properties": {}, "blocks": blocks, "version": version, **changed}


def saved(version: int, *applied: dict[str, Any], server: list[dict[str, Any]] | None = None, base: int = 1) -> Answer:
    body = {
        "version": version,
        "rebased": server is not None,
        "base_version": base,
        "server_patch": server or [],
        "applied_patch": list(applied),
    }
    return Answer(200, body, {"ETag": f'"{version}"'})


def replace(path: str, value: Any) -> dict[str, Any]:
    return {"op": "replace", "path": path, "value": value}


def client_of(server: ScriptedServer, **options: Any) -> Client:
    return Client(server.url, "secret", WORKSPACE, **options)


def run_async(server: ScriptedServer, use: Callable[[AsyncClient], Awaitable[T]], **options: Any) -> T:
    async def main() -> T:
        async with AsyncClient(server.url, "secret", WORKSPACE, **options) as client:
            return await use(client)

    return asyncio.run(main())


# What is repeated


def test_a_write_whose_answer_was_lost_is_repeated_under_its_key() -> None:
    with scripted(LOST, TORN, problem(503, "overloaded"), problem(504, "statement_timeout"), saved(2)) as server:
        with client_of(server) as client:
            client.patch(PAGE, [replace("/title", "x")], base_version=1)
            assert len(server.requests) == 5
        assert len(set(server.keys())) == 1 and server.keys()[0]
        assert {(r.method, r.path, str(r.body)) for r in server.requests} == {
            ("PATCH", f"/pages/{PAGE}", str([replace("/title", "x")]))
        }


def test_each_write_has_a_key_of_its_own_and_a_read_none() -> None:
    with scripted(saved(2), saved(3), Answer(200, document())) as server, client_of(server) as client:
        client.patch(PAGE, [], base_version=1)
        client.put(PAGE, document(), if_match=2)
        client.fetch(PAGE)
        first, second, third = server.keys()
        assert first and second and first != second and third is None


def test_a_replayed_answer_is_known_as_one() -> None:
    replayed = Answer(200, saved(2).body, {"Idempotency-Replayed": "true"})
    with scripted(LOST, replayed) as server, client_of(server) as client:
        assert client.patch(PAGE, [], base_version=1, idempotency_key="mine").replayed
        assert server.keys() == ["mine", "mine"]


def test_retry_after_is_waited_out_and_then_some() -> None:
    session = Session("http://x", WORKSPACE, "t", clock=lambda: 0.0)
    steps = send(session, Send("GET", "/pages"))
    assert next(steps) == Send("GET", "/pages")
    limited = httpx.Response(429, headers={"Retry-After": "7"}, json={"code": "rate_limited", "detail": "d"})
    pause = steps.send(limited)
    assert isinstance(pause, Pause) and 7.0 < pause.seconds <= 7.1


def test_pauses_grow_and_differ() -> None:
    def pauses() -> list[float]:
        steps = send(Session("http://x", WORKSPACE, "t", clock=lambda: 0.0), Send("GET", "/pages"))
        next(steps)
        found: list[float] = []
        for _ in range(8):
            pause = steps.send(httpx.ConnectError("refused"))
            assert isinstance(pause, Pause)
            found.append(pause.seconds)
            steps.send(None)
        return found

    one, other = pauses(), pauses()
    assert one != other
    for index, pause in enumerate(one):
        longest = min(0.1 * 2**index, 5.0)
        assert longest / 2 <= pause <= longest


def test_a_wait_that_does_not_fit_is_not_begun() -> None:
    with (
        scripted(problem(429, "rate_limited", {"Retry-After": "60"})) as server,
        client_of(server, retry_seconds=30) as client,
        pytest.raises(RateLimited) as raised,
    ):
        client.fetch(PAGE)
    assert (raised.value.status, raised.value.code, raised.value.retry_after) == (429, "rate_limited", 60.0)
    assert str(raised.value) == "Sentence about rate_limited. (429 rate_limited); gave up after 30 s"


def test_the_default_patience_outlasts_a_block_of_the_rate_limit() -> None:
    steps = send(Session("http://x", WORKSPACE, "t", clock=lambda: 0.0), Send("GET", "/pages"))
    next(steps)
    assert isinstance(steps.send(httpx.Response(429, headers={"Retry-After": "60"}, json={})), Pause)


def test_nobody_there_is_unavailable_and_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    told: list[str] = []
    with (
        Client(url, "t", WORKSPACE, retry_seconds=0.3, on_wait=told.append) as client,
        pytest.raises(Unavailable, match=f"no answer from {url}: .*; gave up after 0 s") as raised,
    ):
        client.fetch(PAGE)
    assert (raised.value.status, raised.value.code) == (None, "")
    assert len(told) == 1


def test_stop_ends_a_wait() -> None:
    with scripted(problem(503, "overloaded", {"Retry-After": "60"})) as server:
        waiting = threading.Event()

        def told(_reason: str) -> None:
            waiting.set()

        client = client_of(server, on_wait=told)
        failures: list[QuireError] = []

        def fetch() -> None:
            try:
                client.fetch(PAGE)
            except QuireError as error:
                failures.append(error)

        thread = threading.Thread(target=fetch)
        thread.start()
        assert waiting.wait(30)
        client.stop()
        thread.join(30)
        assert isinstance(failures[0], Unavailable)
        client.close()


# What is raised


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, BadRequest),
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (409, Conflict),
        (410, Gone),
        (412, PreconditionFailed),
        (413, TooLarge),
        (415, QuireError),
        (422, Unprocessable),
        (428, PreconditionRequired),
        (500, QuireError),
    ],
)
def test_errors_have_types_and_say_everything(status: int, kind: type[QuireError]) -> None:
    with (
        scripted(problem(status, "some_code", pointer="/title", limit=3)) as server,
        client_of(server) as client,
        pytest.raises(QuireError) as raised,
    ):
        client.fetch(PAGE)
    error = raised.value
    assert type(error) is kind
    assert (error.status, error.code, error.detail) == (status, "some_code", "Sentence about some_code.")
    assert (dict(error.members), error.request_id) == ({"pointer": "/title", "limit": 3}, "r-1")
    assert str(error) == f"Sentence about some_code. ({status} some_code)"


def test_a_conflict_says_what_both_sides_did() -> None:
    clash = {"operation": 0, "path": "/title", "kind": "write_write", "yours": "x", "theirs": "y"}
    members: dict[str, Any] = {"current_version": 3, "base_version": 1, "server_patch": [replace("/title", "y")]}
    answer = problem(409, "version_conflict", **members, conflicts=[clash], rebased_patch=[])
    with scripted(answer) as server, client_of(server) as client, pytest.raises(Conflict) as raised:
        client.patch(PAGE, [replace("/title", "x")], base_version=1)
    conflict = raised.value
    assert (conflict.current_version, conflict.base_version) == (3, 1)
    assert (conflict.server_patch, conflict.conflicts) == ([replace("/title", "y")], [clash])
    assert conflict.rebased_patch == []


def test_another_server_is_noticed() -> None:
    with (
        scripted(Answer(502)) as server,
        client_of(server, retry_seconds=0.0) as client,
        pytest.raises(Unavailable, match=r"Bad Gateway \(502\)"),
    ):
        client.fetch(PAGE)
    with pytest.raises(QuireError, match="is this the URL of a Quire API"):
        json_of(httpx.Response(200, text="<html>"))


def test_what_is_no_json_is_refused_before_it_is_sent() -> None:
    with scripted() as server, client_of(server) as client, pytest.raises(ValueError, match="JSON"):
        client.put(PAGE, {"title": float("nan")}, if_match=1)


# What is sent


def test_conditions_options_and_paths() -> None:
    answers = [saved(2)] * 4 + [Answer(204)] + [saved(3)] + [Answer(200, {"versions": []})] + [Answer(200)] * 2
    with scripted(*answers) as server, client_of(server, priority="import") as client:
        client.put(PAGE, document(), if_match=[1, 2], minimal=True)
        client.put(PAGE, b'{"title": "raw"}', if_match="*")
        client.patch(PAGE, [], base_version=4)
        client.merge_patch(PAGE, {"title": None}, if_match=4)
        client.delete(PAGE, if_match=5)
        client.restore(PAGE, 2)
        assert client.versions(PAGE) == []
        client.name_version(PAGE, "a b/c", 2)
        client.forget_version(PAGE, "x")
        sent = [(r.method, r.path.removeprefix(f"/pages/{PAGE}"), dict(r.query), r.body) for r in server.requests]
        assert sent == [
            ("PUT", "", {}, document()),
            ("PUT", "", {}, {"title": "raw"}),
            ("PATCH", "", {"base_version": "4"}, []),
            ("PATCH", "", {}, {"title": None}),
            ("DELETE", "", {}, None),
            ("POST", "/restore", {}, {"version": 2}),
            ("GET", "/versions", {}, None),
            ("PUT", "/versions/a%20b%2Fc", {}, {"version": 2}),
            ("DELETE", "/versions/x", {}, None),
        ]
        headers = [request.headers for request in server.requests]
        assert [h.get("if-match") for h in headers[:5]] == ['"1", "2"', "*", None, '"4"', '"5"']
        assert [h.get("prefer") for h in headers[:2]] == ["return=minimal", None]
        assert [h.get("content-type") for h in headers[1:5]] == [
            "application/json",
            "application/json-patch+json",
            "application/merge-patch+json",
            None,
        ]
        assert {(h["authorization"], h["quire-priority"]) for h in headers} == {("Bearer secret", "import")}


def test_lists_go_on_by_cursor_as_they_are_read() -> None:
    parts = [{"pages": [{"id": "1"}, {"id": "2"}], "next_cursor": "n"}, {"pages": [{"id": "3"}], "next_cursor": None}]
    with scripted(*(Answer(200, part) for part in parts)) as server, client_of(server) as client:
        pages = client.pages(updated_within="7d")
        assert [next(pages)["id"], next(pages)["id"]] == ["1", "2"]
        assert len(server.requests) == 1
        assert [page["id"] for page in pages] == ["3"]
        assert [request.query.get("cursor") for request in server.requests] == [None, "n"]
        assert {request.query["updated_within"] for request in server.requests} == {"7d"}


def test_the_log_goes_on_by_version() -> None:
    parts = [{"changes": [{"version": 4}, {"version": 5}], "next": 5}, {"changes": [{"version": 6}], "next": None}]
    with scripted(*(Answer(200, part) for part in parts)) as server:

        async def read(client: AsyncClient) -> list[int]:
            return [change["version"] async for change in client.changes(PAGE, 3)]

        assert run_async(server, read) == [4, 5, 6]
        assert [request.query["since"] for request in server.requests] == ["3", "5"]


def test_search_diff_and_since() -> None:
    with scripted(Answer(200, {"hits": []}), Answer(200, []), Answer(200, {"version": 2})) as server:
        with client_of(server) as client:
            assert client.search("tides", mode="text", contains={"checked": True}) == {"hits": []}
            assert client.diff(PAGE, 1, 2) == []
            assert client.since(PAGE, 1) == {"version": 2}
        assert [dict(request.query) for request in server.requests] == [
            {"q": "tides", "mode": "text", "limit": "20", "contains": '{"checked": true}'},
            {"from": "1", "to": "2"},
            {"since": "1"},
        ]


def test_a_batch_says_how_each_patch_went() -> None:
    failed = {"page_id": "2", "status": 409, "code": "version_conflict", "detail": "no", "current_version": 4}
    results = [{"page_id": "1", "status": 200, **saved(2, replace("/title", "x")).body}, failed]
    patches = [{"page_id": name, "base_version": 1, "patch": [replace("/title", "x")]} for name in ("1", "2")]
    whole = problem(409, "version_conflict", index=1, page_id="2")
    with scripted(LOST, Answer(200, {"results": results}), whole) as server, client_of(server) as client:
        one, other = client.batch(patches, atomic=False)
        assert one.saved == Saved(2, False, 1, [], [replace("/title", "x")])
        assert other.saved is None and isinstance(other.error, Conflict) and other.error.current_version == 4
        with pytest.raises(Conflict) as raised:
            client.batch(patches)
        assert (raised.value.members["index"], raised.value.members["page_id"]) == (1, "2")
        assert [request.path for request in server.requests] == ["/pages:batch"] * 3
        assert [request.body for request in server.requests[1:]] == [
            {"atomic": False, "patches": patches},
            {"atomic": True, "patches": patches},
        ]
        assert server.keys()[0] == server.keys()[1] != server.keys()[2]


def test_a_minimal_creation_knows_id_and_version() -> None:
    created = Answer(201, None, {"Location": f"/v1/workspaces/{WORKSPACE}/pages/{PAGE}", "ETag": '"1"'})
    with scripted(created) as server, client_of(server) as client:
        made = client.post({"title": "x"}, minimal=True)
    assert (made.page_id, made.version, made.document) == (PAGE, 1, None)


# Pages


def test_a_save_follows_a_rebase_without_a_read() -> None:
    insert = {"op": "add", "path": "/blocks/0", "value": {"id": "n", "type": "paragraph", "data": {"text": "theirs"}}}
    answer = saved(5, replace("/blocks/2/data/text", "mine"), server=[insert])
    with scripted(Answer(200, document()), answer) as server, client_of(server) as client:
        page = client.get(PAGE)
        held = page.block("b")
        held["data"]["text"] = "mine"
        done = page.save()
        assert (done.version, done.rebased, done.overlaps) == (5, True, [])
        assert server.requests[1].query == {"base_version": "1"}
        assert server.requests[1].body == [replace("/blocks/b/data/text", "mine")]
        assert [block["id"] for block in page.blocks] == ["n", "a", "b", "c"]
        assert page.block("b") is held and page.pending() == [] and page.version == 5
        assert page.save().version == 5
        assert len(server.requests) == 2


def test_a_minimal_save_reads_only_after_a_rebase() -> None:
    minimal = [Answer(200, {"version": v, "rebased": r, "base_version": v - 1}) for v, r in ((2, False), (3, True))]
    whole = Answer(200, document(4, title="theirs"))
    with scripted(Answer(200, document()), *minimal, whole) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.block("a")["data"]["text"] = "1"
        assert page.save(minimal=True).version == 2
        assert page.pending() == [] and len(server.requests) == 2
        page.block("a")["data"]["text"] = "a"
        assert page.save(minimal=True).version == 4
        assert page.title == "theirs" and page.pending() == []


def test_an_answer_that_does_not_fit_is_made_good_by_a_read() -> None:
    odd = saved(2, {"op": "remove", "path": "/blocks/99"})
    whole = Answer(200, document(2, title="x"))
    with scripted(Answer(200, document()), odd, whole) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.title = "x"
        assert page.save().version == 2
        assert (page.title, page.pending()) == ("x", [])


def test_edits_made_while_a_save_is_under_way_stay_pending() -> None:
    theirs = [replace("/blocks/2/data/text", "theirs"), replace("/title", "their title")]
    with scripted(Answer(200, document())) as server:

        async def edit(client: AsyncClient) -> None:
            page = await client.get(PAGE)

            def meanwhile(_: object) -> Answer:
                page.block("b")["data"]["text"] = "later"
                page.block("c")["data"]["text"] = "mine"
                return saved(3, replace("/blocks/0/data/text", "first"), server=theirs)

            server.actions.append(meanwhile)
            page.block("a")["data"]["text"] = "first"
            done = await page.save()
            assert [(o.pointer, o.yours, o.theirs) for o in done.overlaps] == [
                ("/blocks/c/data/text", "mine", "theirs")
            ]
            assert page.title == "their title"
            assert page.pending() == [replace("/blocks/b/data/text", "later"), replace("/blocks/c/data/text", "mine")]

        run_async(server, edit)


def test_a_save_that_was_given_up_is_repeated_under_its_key_before_the_rest_is_sent() -> None:
    answers = [
        Answer(200, document()),
        LOST,
        saved(2, replace("/title", "one")),
        saved(3, replace("/title", "two"), base=2),
    ]
    with scripted(*answers) as server, client_of(server, retry_seconds=0.0) as client:
        page = client.get(PAGE)
        page.title = "one"
        with pytest.raises(Unavailable):
            page.save()
        page.title = "two"
        assert page.save(minimal=True).version == 3
        assert [request.headers.get("prefer") for request in server.requests[1:]] == [None, None, "return=minimal"]
        assert [request.body for request in server.requests[1:]] == [
            [replace("/title", "one")],
            [replace("/title", "one")],
            [replace("/title", "two")],
        ]
        keys = server.keys()[1:]
        assert keys[0] == keys[1] != keys[2]
        assert [request.query for request in server.requests[2:]] == [{"base_version": "1"}, {"base_version": "2"}]


def test_a_cancelled_save_is_repeated_under_its_key() -> None:
    with scripted(Answer(200, document()), LOST, saved(2, replace("/title", "x"))) as server:

        async def edit(client: AsyncClient) -> None:
            page = await client.get(PAGE)
            page.title = "x"
            first = asyncio.ensure_future(page.save())
            while len(server.requests) < 2:  # its answer is lost, and it waits to be repeated
                await asyncio.sleep(0.001)
            first.cancel()
            await asyncio.wait([first])
            assert first.cancelled()
            assert (await page.save()).version == 2
            assert page.pending() == []
            assert server.keys()[1] == server.keys()[2]

        run_async(server, edit)


def test_a_page_is_saved_by_one_at_a_time() -> None:
    with scripted(Answer(200, document()), saved(2, replace("/title", "x"))) as server:

        async def edit(client: AsyncClient) -> None:
            page = await client.get(PAGE)
            page.title = "x"
            results = await asyncio.gather(page.save(), page.save(), return_exceptions=True)
            assert isinstance(results[1], RuntimeError)
            assert page.version == 2

        run_async(server, edit)


@pytest.mark.parametrize(("keep", "title"), [("yours", "mine"), ("theirs", "theirs")])
def test_a_conflict_is_resolved_without_a_read(keep: Any, title: str) -> None:
    conflict = problem(
        409,
        "version_conflict",
        current_version=4,
        base_version=1,
        server_patch=[replace("/title", "theirs")],
        conflicts=[{"operation": 0, "path": "/title", "kind": "write_write"}],
        rebased_patch=[replace("/blocks/a/data/text", "also mine")],
    )
    with scripted(Answer(200, document()), conflict) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.title, page.block("a")["data"]["text"] = "mine", "also mine"
        with pytest.raises(Conflict) as raised:
            page.save()
        assert (page.version, page.title) == (1, "mine")
        overlaps = page.resolve(raised.value, keep=keep)
        assert [(o.pointer, o.yours, o.theirs) for o in overlaps] == [("/title", "mine", "theirs")]
        assert (page.version, page.title) == (4, title)
        kept = [replace("/title", "mine")] if keep == "yours" else []
        pending = [*kept, replace("/blocks/a/data/text", "also mine")]
        assert page.pending() == pending
        server.actions.append(saved(5, *kept, replace("/blocks/0/data/text", "also mine"), base=4))
        assert page.save().version == 5
        assert (server.requests[2].body, server.requests[2].query) == (pending, {"base_version": "4"})
        assert server.keys()[1] != server.keys()[2]


def test_a_conflict_without_a_patch_is_resolved_by_what_changed_since() -> None:
    news: dict[str, Any] = {
        "version": 300,
        "title": "new",
        "properties": {"p": 1},
        "order": ["c", "n", "a"],
        "blocks": [{"id": "n", "type": "paragraph", "data": {}}],
        "removed": ["b"],
    }
    old = problem(409, "base_too_old", current_version=300, base_version=1)
    with scripted(Answer(200, document()), old, Answer(200, news)) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.block("a")["data"]["text"] = "mine"
        with pytest.raises(Conflict) as raised:
            page.save()
        assert page.resolve(raised.value, keep="theirs") == []
        assert (page.version, page.title, page.properties) == (300, "new", {"p": 1})
        assert [block["id"] for block in page.blocks] == ["c", "n", "a"]
        assert page.pending() == [replace("/blocks/a/data/text", "mine")]


def test_a_refresh_below_the_floor_reads_the_whole_page() -> None:
    answers = [Answer(200, document()), problem(410, "version_purged"), Answer(200, document(9, title="new"))]
    with scripted(*answers) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.block("c")["data"]["text"] = "mine"
        assert page.refresh() == []
        assert (page.version, page.title) == (9, "new")
        assert page.pending() == [replace("/blocks/c/data/text", "mine")]


def test_new_blocks_get_ids_before_they_are_sent() -> None:
    with scripted(Answer(200, document())) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.blocks.append({"type": "divider"})

        def accept(request: Any) -> Answer:
            value = request.body[0]["value"]
            return saved(2, {"op": "add", "path": "/blocks/3", "value": value})

        server.actions.append(accept)
        page.save()
        assert page.blocks[3] == {"type": "divider", "id": page.blocks[3]["id"], "data": {}}
        assert page.pending() == []


def test_more_operations_than_a_patch_has_are_sent_as_a_document() -> None:
    many: list[dict[str, Any]] = [{"id": f"b{n}", "type": "paragraph", "data": {}} for n in range(1001)]
    with scripted(Answer(200, document())) as server, client_of(server) as client:
        page = client.get(PAGE)
        page.blocks.extend(many)
        server.actions.append(lambda request: saved(2, replace("/blocks", request.body["blocks"])))
        page.save()
        assert (server.requests[1].method, server.requests[1].query) == ("PUT", {"base_version": "1"})
        assert (len(page.blocks), page.pending()) == (1004, [])


def test_a_page_is_deleted_at_its_version() -> None:
    with scripted(Answer(200, document(7)), Answer(204)) as server, client_of(server) as client:
        client.get(PAGE).delete()
        assert server.requests[1].headers["if-match"] == '"7"'

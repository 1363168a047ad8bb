"""Random concurrent histories against the database: what becomes of a stale patch is what the model says, and right.

Beside the model's own answer, these hold whatever the rule: no committed write is lost, what was accepted is there,
both sides' order of blocks is kept, the answer's patches lead a client from its base to the new version, a conflict
changes nothing and its rest can be sent again, versions are dense and the content hash is true.
"""

import functools
import json
from collections import Counter, deque
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, cycle
from typing import Any

import psycopg
import pytest

from db.tests.api.rebase_examples import EXAMPLES, Example
from db.tests.api.rebase_histories import Expected, History, Maker, broken, expect, smaller, tokens
from db.tests.api.rebase_model import (
    HEAD,
    MISSING,
    Conflict,
    Differ,
    InapplicableError,
    Json,
    NotModelledError,
    Outcome,
    apply,
    parse,
    part,
    same,
)

Connection = psycopg.Connection[Any]

SEED = 20240607
STALE = 10_000
BATCH = 50

WORKSPACE = """
insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
"""

SETUP = """
-- the tables grow from nothing: a plan made while they were empty would read all of them for each page
set enable_seqscan = off;

-- One request: its status, version and body, or the error that it raised.
create function pg_temp.save(p_page uuid, p_kind text, p_match text[], p_base bigint, p_body jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_workspace constant uuid := '00000000-0000-0000-0000-000000000001';
    v_actor constant uuid := '00000000-0000-0000-0000-00000000000a';
    v_answer record;
    v_slug text;
begin
    if p_kind = 'put' then
        select * into strict v_answer from api.put_page(
            v_workspace, v_actor, p_page, p_match, p_base, p_body::text, 100::smallint, 'representation', null
        );
    else
        select * into strict v_answer from api.patch_page(
            v_workspace, v_actor, p_page, p_match, p_base, p_body::text, p_kind, 100::smallint, 'representation', null
        );
    end if;
    return jsonb_build_object(
        'status', v_answer.status, 'version', v_answer.version, 'body', v_answer.body::jsonb
    );
exception when others then
    get stacked diagnostics v_slug = constraint_name;
    return jsonb_build_object('error', sqlstate, 'code', v_slug, 'message', sqlerrm);
end;
$$;

-- A page as its rows have it: the document, the version, and whether the content hash is true.
create function pg_temp.stored(p_page uuid)
returns jsonb
language sql
as $$
    select jsonb_build_object(
        'document', pages.head || jsonb_build_object('blocks', to_jsonb(blocks.list)),
        'version', pages.version,
        'hash', pages.content_hash = core.page_hash(pages.head, pages.block_order, blocks.list),
        'logged', pages.content_hash = (
            select c.content_hash from core.page_changes as c
            where c.workspace_id = pages.workspace_id and c.page_id = p_page and c.version = pages.version
        ),
        'versions', (
            select jsonb_agg(c.version order by c.version)
            from core.page_changes as c
            where c.workspace_id = pages.workspace_id and c.page_id = p_page
        )
    )
    from (
        select *, jsonb_build_object('title', title, 'properties', properties) as head
        from core.pages
        where workspace_id = '00000000-0000-0000-0000-000000000001' and id = p_page
    ) as pages
    cross join lateral (
        select coalesce(
            array_agg(
                jsonb_build_object('id', b.id, 'type', b.type, 'data', b.data)
                order by array_position(pages.block_order, b.no)
            ), '{}'
        ) as list
        from core.blocks as b
        where b.workspace_id = pages.workspace_id and b.page_id = p_page
    ) as blocks
$$;

-- A whole history, and after a conflict what did not conflict, sent again.
create function pg_temp.run_history(p_history jsonb)
returns jsonb
language plpgsql
as $$
declare
    v_page uuid;
    v_save jsonb;
    v_commits jsonb := '[]';
    v_versions bigint[] := '{1}';
    v_stale constant jsonb := p_history -> 'stale';
    v_base bigint;
    v_result jsonb := '{}';
    v_answer jsonb;
begin
    select page_id into strict v_page from api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        (p_history -> 'first')::text, 100::smallint, null, null
    );
    for v_save in select jsonb_array_elements(p_history -> 'commits') loop
        v_answer := pg_temp.save(v_page, v_save ->> 'kind', '{*}', null, v_save -> 'body');
        v_commits := v_commits || jsonb_build_array(v_answer #- '{body,document}');
        v_versions := v_versions || (v_answer ->> 'version')::bigint;
    end loop;
    v_base := v_versions[(p_history ->> 'base_at')::integer + 1];
    v_result := jsonb_build_object('commits', v_commits, 'base', v_base, 'before', pg_temp.stored(v_page));
    if (p_history ->> 'strict')::boolean and v_base < v_versions[cardinality(v_versions)] then
        v_result := v_result || jsonb_build_object(
            'strict', pg_temp.save(v_page, v_stale ->> 'kind', array[v_base::text], null, v_stale -> 'body'),
            'after_strict', pg_temp.stored(v_page)
        );
    end if;
    v_answer := pg_temp.save(v_page, v_stale ->> 'kind', null, v_base, v_stale -> 'body');
    v_result := v_result || jsonb_build_object('stale', v_answer, 'after', pg_temp.stored(v_page));
    if v_answer ->> 'status' = '409' then
        v_result := v_result || jsonb_build_object(
            'again', pg_temp.save(
                v_page, 'patch', null, (v_answer #>> '{body,current_version}')::bigint,
                v_answer #> '{body,rebased_patch}'
            ),
            'after_again', pg_temp.stored(v_page)
        );
    end if;
    return v_result;
end;
$$;
"""


@pytest.fixture(scope="module")
def sessions(database: str) -> Generator[list[Connection]]:
    """Connections to a database with a workspace, an editor and the functions above."""
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as two:
        one.execute(WORKSPACE)
        for connection in (one, two):
            connection.execute(SETUP)
        yield [one, two]


@pytest.fixture
def pages(sessions: list[Connection]) -> Connection:
    """One of them."""
    return sessions[0]


@pytest.fixture
def differ(conn: Connection) -> Differ:
    """jsonpatch.diff: that it is right is for its own tests; here it says what a whole document wrote."""

    @functools.cache
    def ask(old: str, new: str) -> list[Json]:
        row = conn.execute("select jsonpatch.diff(%s, %s)", [old, new]).fetchone()
        assert row is not None
        return row[0]

    return lambda old, new: [] if same(old, new) else ask(json.dumps(old), json.dumps(new))


def run(connection: Connection, histories: Sequence[tuple[History, bool]]) -> list[Json]:
    """Run histories in one call."""
    texts = [
        json.dumps(
            {
                "first": history.first,
                "commits": [{"kind": save.kind, "body": save.body} for save in history.commits],
                "stale": {"kind": history.stale.kind, "body": history.stale.body},
                "base_at": history.base_at,
                "strict": strict,
            }
        )
        for history, strict in histories
    ]
    rows = connection.execute(
        "select pg_temp.run_history(given.text::jsonb) from unnest(%s::text[]) with ordinality as given (text, place)"
        " order by given.place",
        [texts],
    )
    return [row[0] for row in rows]


def said(body: Json, *, whole: bool) -> set[Conflict]:
    """The conflicts of an answer, as the model has them; of a whole document without the operation."""
    found: set[Conflict] = set()
    for entry in body["conflicts"]:
        where = parse(entry["pointer"])
        block = where[1] if where[:1] == ("blocks",) and len(where) > 1 else HEAD
        found.add(Conflict(entry["kind"], block, 0 if whole else entry["operation"]))
    return found


def blurred(conflicts: set[Conflict], outcome: Outcome) -> set[Conflict]:
    """Conflicts; without the operation where several of them share one.

    Of a block taken out and put back it may be either of the two, of an inserted one each that worked on it.
    """
    shared = outcome.ours.put_back | outcome.ours.inserted.keys() | outcome.ours.brief.keys()
    return {Conflict(found.kind, found.block, -1) if found.block in shared else found for found in conflicts}


def check_refused(history: History, expected: Expected, stale: Json, before: Json) -> list[str]:
    """What is wrong with a 409 or 412 and its body."""
    outcome = expected.outcome
    body: Json = stale.get("body") or {}
    assert outcome is not None
    base, current = expected.states[history.base_at], expected.states[-1]
    if not body:
        return [f"no body: {stale}"]
    wrong: list[str] = []
    conflicts = said(body, whole=history.stale.kind != "patch")
    if outcome.conflicts:
        ours = {conflict for conflict in conflicts if conflict.kind != "test_failed"}
        if blurred(ours, outcome) != blurred(outcome.conflicts, outcome):
            wrong.append(f"conflicts {sorted(ours)}, the model says {sorted(outcome.conflicts)}")
    else:
        failed = [conflict.operation for conflict in conflicts]
        if sorted(failed) != outcome.failed_tests or {conflict.kind for conflict in conflicts} - {"test_failed"}:
            wrong.append(f"conflicts {sorted(conflicts)}, the model says that tests {outcome.failed_tests} fail")
    if body["current_version"] != before["version"]:
        wrong.append(f"current_version {body['current_version']} of {before['version']}")
    if not same(apply(base, body["server_patch"]), current):
        wrong.append("server_patch does not lead from the base to the current version")
    return wrong


def check_again(history: History, expected: Expected, result: Json) -> list[str]:
    """What is wrong with the rest of a conflict, sent again."""
    again, document = result["again"], result["after_again"]["document"]
    assert expected.outcome is not None and expected.ours is not None
    if again.get("status") != 200:
        return [f"rebased_patch {result['stale']['body']['rebased_patch']} sent again: {again}"]
    base, current = expected.states[history.base_at], expected.states[-1]
    wrong: list[str] = []
    found = set(tokens(document))
    if lost := set(tokens(current)) - set(tokens(base)) - found:
        wrong.append(f"rebased_patch loses committed writes {sorted(lost)}")
    if history.stale.kind == "patch":
        # what has nothing to do with a block in conflict is in the rest
        entangled = {conflict.block for conflict in expected.outcome.conflicts}
        bad = {conflict.operation for conflict in said(result["stale"]["body"], whole=False)}
        for number, step in enumerate(expected.patch):
            if number in bad or any(touch.block in entangled for touch in step.touches):
                continue
            value = history.stale.body[number].get("value") if step.tested is None else None
            kept = [part(expected.ours, touch.block, ()) for touch in step.touches]
            meant = set(tokens(value)) & set(tokens([inner for inner in kept if inner is not MISSING]))
            if lost := meant - set(tokens(base)) - found:
                wrong.append(f"operation {number} does not conflict and is not in rebased_patch: {sorted(lost)}")
    return wrong


def check_saved(history: History, expected: Expected, result: Json) -> list[str]:
    """What is wrong with an accepted save."""
    outcome, body, after = expected.outcome, result["stale"]["body"], result["after"]["document"]
    assert outcome is not None and outcome.document is not None and expected.ours is not None
    base, current = expected.states[history.base_at], expected.states[-1]
    wrong: list[str] = []
    if not same(after, outcome.document):
        wrong.append(f"became {json.dumps(after)}, the model says {json.dumps(outcome.document)}")
    wrong += broken(base, current, expected.ours, after, outcome)
    there = apply(base, body["server_patch"])
    if not same(there, current):
        wrong.append("server_patch does not lead from the base to the version before this save")
    if not same(apply(there, body["applied_patch"]), after):
        wrong.append("applied_patch does not lead from there to the new version")
    version = expected.versions[-1] + (not same(after, current))
    if (result["after"]["version"], body["version"], result["stale"]["version"]) != (version, version, version):
        wrong.append(f"version {result['after']['version']}, answered {body['version']}, must be {version}")
    if body["base_version"] != result["base"] or body["rebased"] != (result["base"] != expected.versions[-1]):
        wrong.append(f"base_version {body['base_version']}, rebased {body['rebased']}")
    if not same({key: body["document"][key] for key in after}, after):
        wrong.append("the document of the answer is another than that of the rows")
    return wrong


def complaints(history: History, expected: Expected, result: Json) -> list[str]:
    """Everything that is wrong with what the database did; nothing should be."""
    wrong: list[str] = []
    for number, commit in enumerate(result["commits"]):
        if (commit.get("status"), commit.get("version")) != (200, expected.versions[number + 1]):
            return [f"commit {number}: {commit}, must be version {expected.versions[number + 1]}"]
    before, after, stale, outcome = result["before"], result["after"], result["stale"], expected.outcome
    if not same(before["document"], expected.states[-1]):
        return [f"the commits made {before['document']}, the model says {expected.states[-1]}"]
    for name in ("before", "after", "after_strict", "after_again"):
        page = result.get(name)
        if page and not (page["hash"] and page["logged"]):
            wrong.append(f"{name}: the content hash is wrong")
        if page and page["versions"] != list(range(1, page["version"] + 1)):
            wrong.append(f"{name}: versions {page['versions']} of {page['version']}")
    if "strict" in result:
        if not same(result["after_strict"], before):
            wrong.append("a stale If-Match changed the page")
        if result["strict"].get("status") != 412 and outcome is not None:
            wrong.append(f"a stale If-Match: {result['strict']}")
        elif outcome is not None and (outcome.conflicts or outcome.failed_tests):
            wrong += [f"412: {text}" for text in check_refused(history, expected, result["strict"], before)]
        elif outcome is not None and result["strict"]["body"]["conflicts"]:
            wrong.append(f"412 with conflicts, the model knows none: {result['strict']['body']['conflicts']}")
    if outcome is None:
        if stale.get("error") != "PT422":
            wrong.append(f"the model says 422, but: {stale}")
    elif not outcome.conflicts and not outcome.failed_tests:
        if stale.get("status") != 200:
            wrong.append(f"the model says {json.dumps(outcome.document)}, but: {stale}")
        else:
            wrong += check_saved(history, expected, result)
    elif stale.get("status") != 409 or stale["body"].get("code") != "version_conflict":
        wrong.append(f"the model says {sorted(outcome.conflicts) or outcome.failed_tests}, but: {stale}")
    else:
        wrong += check_refused(history, expected, stale, before)
        wrong += check_again(history, expected, result)
    if stale.get("status") != 200 and not same(before, after):
        wrong.append("what was refused changed the page")
    return wrong


def shrink(connection: Connection, differ: Differ, number: int, history: History) -> tuple[int, History, list[str]]:
    """A history with as little in it as possible that still fails, and how."""

    def fails(candidate: History) -> list[str]:
        try:
            expected = expect(candidate, differ)
        except (InapplicableError, NotModelledError):
            return []
        return complaints(candidate, expected, run(connection, [(candidate, is_strict(number))])[0])

    found = fails(history)
    smallest = False
    while found and not smallest:
        smallest = True
        for candidate in smaller(history):
            if wrong := fails(candidate):
                history, found, smallest = candidate, wrong, False
                break
    return number, history, found


def report(number: int, history: History, wrong: Sequence[str]) -> str:
    """A failure for people, with all that is needed to repeat it."""
    lines = [f"history {number} of seed {SEED}", f"page: {json.dumps(history.first)}"]
    lines += [f"committed {save.kind}: {json.dumps(save.body)}" for save in history.commits]
    lines.append(f"stale {history.stale.kind}, made after {history.base_at} of them: {json.dumps(history.stale.body)}")
    return "\n".join([*lines, *(f"WRONG: {text}" for text in wrong)])


def play(sessions: Sequence[Connection], maker: Maker) -> Iterator[tuple[int, History, Expected, Json]]:
    """Histories without end, with what the model expects and what the database did.

    The database works on a batch in each session while the next one is made up.
    """
    made = count()
    playing: deque[tuple[list[tuple[int, History, Expected]], Future[list[Json]]]] = deque()
    with ThreadPoolExecutor(len(sessions)) as database:
        for session in cycle(sessions):
            if len(playing) == len(sessions):
                # the oldest one is that of this session
                batch, results = playing.popleft()
                for (number, history, expected), result in zip(batch, results.result(), strict=True):
                    yield number, history, expected, result
            batch = [(next(made), *maker.history()) for _ in range(BATCH)]
            asked = [(history, is_strict(number)) for number, history, _ in batch]
            playing.append((batch, database.submit(run, session, asked)))


def is_strict(number: int) -> bool:
    """Whether a history tries If-Match first."""
    return number % 20 == 0


def verdict(outcome: Outcome | None) -> str:
    """What becomes of a patch, in a word."""
    if outcome is None:
        return "422"
    return "conflict" if outcome.conflicts else "test_failed" if outcome.failed_tests else "rebased"


@pytest.mark.once
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.title)
def test_examples(pages: Connection, differ: Differ, example: Example) -> None:
    history = example.history()
    expected = expect(history, differ)
    result = run(pages, [(history, True)])[0]
    assert not complaints(history, expected, result)
    if isinstance(example.wanted, str):
        assert "".join(block["id"] for block in result["after"]["document"]["blocks"]) == example.wanted
    else:
        conflicts = result["stale"]["body"]["conflicts"]
        assert {conflict["kind"] for conflict in conflicts} == {kind for _, kind in example.wanted}


@pytest.mark.once
@pytest.mark.slow
def test_stale_patches_are_rebased_as_the_model_says(sessions: list[Connection], differ: Differ) -> None:
    print(f"seed {SEED}")
    seen: Counter[str] = Counter()
    kinds: Counter[str] = Counter()
    failed: tuple[int, History] | None = None
    for number, history, expected, result in play(sessions, Maker(SEED, differ)):
        if complaints(history, expected, result):
            failed = number, history
            break
        if expected.log:
            seen[verdict(expected.outcome)] += 1
            kinds.update({conflict.kind for conflict in expected.outcome.conflicts} if expected.outcome else set())
        if seen.total() >= STALE:
            break
    if failed:
        pytest.fail(report(*shrink(sessions[0], differ, *failed)))
    print(dict(seen), dict(kinds))
    assert set(kinds) == {"write_write", "write_deleted", "delete_written", "move_move", "insert_insert"}
    assert set(seen) == {"rebased", "conflict", "test_failed", "422"}
    assert min(*seen.values(), *kinds.values()) > STALE // 500, (seen, kinds)

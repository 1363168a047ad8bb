"""Repeated writes and batches that meet: one version for one Idempotency-Key, no deadlock of batches."""

import json
import uuid
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from db.tests.races.sessions import ACTOR, WORKSPACE, create, prepare, read, together, wait_until_waiting

Connection = psycopg.Connection[Any]
Answer = tuple[int, uuid.UUID | None, int | None, int | None, bool, str]


@pytest.fixture(scope="module")
def pages(database: str) -> str:
    """Conninfo of a database with a workspace and an editor in it."""
    prepare(database)
    return database


def add_block(connection: Connection, page: uuid.UUID, key: str, text: str = "x") -> Answer:
    """The answer to a patch with an Idempotency-Key; each time that it is made it adds a block."""
    operations = [{"op": "add", "path": "/blocks/-", "value": {"type": "p", "data": {"text": text}}}]
    row = connection.execute(
        "select status, page_id, version, blocks, replayed, body from api.patch_page(%s, %s, %s, '{*}', null, %s,"
        " 'patch', 100::smallint, null, %s)",
        [WORKSPACE, ACTOR, page, json.dumps(operations), key],
    ).fetchone()
    assert row is not None
    return row


def batch(connection: Connection, several: Sequence[uuid.UUID], title: str) -> dict[str, Any]:
    """The answer to a batch that gives each of several pages a title."""
    patches = [{"page_id": str(page), "if_match": "*", "merge": {"title": title}} for page in several]
    row = connection.execute(
        "select status, body from api.batch_pages(%s, %s, %s, 100::smallint)",
        [WORKSPACE, ACTOR, json.dumps({"patches": patches})],
    ).fetchone()
    assert row is not None and row[0] == 200, row
    return json.loads(row[1])


def version(conninfo: str, page: uuid.UUID) -> int:
    """The newest version of a page."""
    with psycopg.connect(conninfo) as connection:
        return read(connection, page)["version"]


def test_ten_equal_requests_at_once_are_one_write(pages: str) -> None:
    page = create(pages, 3)
    answers: list[Answer] = together(pages, 10, lambda connection, _: add_block(connection, page, "ten"))
    assert Counter(answer[4] for answer in answers) == {False: 1, True: 9}
    assert len({answer[:4] + answer[5:] for answer in answers}) == 1, "the same answer to all"
    assert answers[0][:4] == (200, page, 2, 4)
    assert version(pages, page) == 2


def test_ten_equal_creations_at_once_are_one_page(pages: str) -> None:
    def work(connection: Connection, _: int) -> Any:
        row = connection.execute(
            "select status, page_id, body from api.create_page(%s, %s, %s, 100::smallint, null, 'new')",
            [WORKSPACE, ACTOR, '{"title": "new"}'],
        ).fetchone()
        assert row is not None
        return row

    answers = together(pages, 10, work)
    assert len(set(answers)) == 1, "one id, made by the server, for all"
    with psycopg.connect(pages) as connection:
        row = connection.execute("select count(*) from core.pages where title = 'new'").fetchone()
    assert row == (1,)


def test_one_key_with_two_bodies_at_once(pages: str) -> None:
    page = create(pages, 3)

    def work(connection: Connection, number: int) -> str:
        try:
            return f"{number % 2} {add_block(connection, page, 'two', str(number % 2))[4]}"
        except psycopg.Error as error:
            assert (error.sqlstate, error.diag.constraint_name) == ("PT422", "idempotency_key_reused")
            return f"{number % 2} refused"

    found = Counter(together(pages, 10, work))
    first = 0 if found["0 False"] else 1
    assert found == {f"{first} False": 1, f"{first} True": 4, f"{1 - first} refused": 5}
    assert version(pages, page) == 2


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_who_comes_while_the_first_is_in_flight_waits_for_its_end(pages: str, end: str) -> None:
    page = create(pages, 3)
    with (
        psycopg.connect(pages) as first,
        psycopg.connect(pages, autocommit=True) as second,
        ThreadPoolExecutor(1) as pool,
    ):
        made = add_block(first, page, f"wait {end}")
        waiting = pool.submit(add_block, second, page, f"wait {end}")
        wait_until_waiting(pages, second.info.backend_pid)
        if end == "commit":
            first.commit()
        else:
            first.rollback()
        answer = waiting.result(30)
    if end == "commit":
        assert answer == (*made[:4], True, made[5])
    else:
        assert answer[:5] == (200, page, 2, 4, False)
        assert answer[5] != made[5], "a block of its own: the write was made anew"
    assert version(pages, page) == 2


def test_the_second_writes_when_the_first_is_killed(pages: str) -> None:
    page = create(pages, 3)
    with (
        psycopg.connect(pages) as holder,
        psycopg.connect(pages, autocommit=True) as first,
        psycopg.connect(pages, autocommit=True) as second,
        ThreadPoolExecutor(2) as pool,
    ):
        holder.execute("select from core.pages where id = %s for update", [page])
        killed = pool.submit(add_block, first, page, "killed")
        wait_until_waiting(pages, first.info.backend_pid)
        waiting = pool.submit(add_block, second, page, "killed")
        wait_until_waiting(pages, first.info.backend_pid, second.info.backend_pid)
        holder.execute("select pg_terminate_backend(%s)", [first.info.backend_pid])
        with pytest.raises(psycopg.OperationalError):
            killed.result(30)
        holder.rollback()
        answer = waiting.result(30)
        assert answer[:5] == (200, page, 2, 4, False)
        assert add_block(second, page, "killed") == (*answer[:4], True, answer[5])
    assert version(pages, page) == 2


def test_batches_in_opposite_order_do_not_deadlock(pages: str) -> None:
    """The decisive moment, by hand: both wait for the page that is first in the order of ids."""
    several = sorted(create(pages, 1) for _ in range(3))
    with (
        psycopg.connect(pages) as holder,
        psycopg.connect(pages, autocommit=True) as one,
        psycopg.connect(pages, autocommit=True) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        holder.execute("select from core.pages where id = %s for update", [several[0]])
        waiting = [pool.submit(batch, one, several, "one"), pool.submit(batch, other, several[::-1], "other")]
        wait_until_waiting(pages, one.info.backend_pid, other.info.backend_pid)
        holder.rollback()
        answers = [each.result(30) for each in waiting]
    assert [result["page_id"] for result in answers[1]["results"]] == [str(page) for page in several[::-1]]
    assert sorted({result["version"] for result in answer["results"]} == {2} for answer in answers) == [False, True]
    assert [version(pages, page) for page in several] == [3, 3, 3]


def test_many_batches_over_the_same_pages(pages: str) -> None:
    several = [create(pages, 1) for _ in range(5)]

    def work(connection: Connection, number: int) -> None:
        for round_ in range(15):
            turned = several[number:] + several[:number]
            batch(connection, turned if round_ % 2 else turned[::-1], f"{number}.{round_}")

    together(pages, 4, work)
    assert [version(pages, page) for page in several] == [61] * 5

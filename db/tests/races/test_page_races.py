"""Concurrent sessions on one page: no lost write, no torn read, no deadlock."""

import json
import time
import uuid
from typing import Any

import psycopg
import pytest

from db.tests.races.sessions import ACTOR, WORKSPACE, create, patch, prepare, read, together


@pytest.fixture(scope="module")
def pages(database: str) -> str:
    """Conninfo of a database with a workspace and an editor in it."""
    prepare(database)
    return database


def test_one_of_many_with_the_same_if_match_wins(pages: str) -> None:
    page = create(pages, 3)

    def save(connection: psycopg.Connection[Any], number: int) -> int:
        return patch(connection, page, [{"op": "replace", "path": "/title", "value": f"t{number}"}], "1")

    answers = together(pages, 12, save)
    assert sorted(answers) == [-412] * 11 + [2]
    with psycopg.connect(pages) as connection:
        document = read(connection, page)
    assert document["version"] == 2
    assert document["title"] == f"t{answers.index(2)}"


def test_counting_with_if_match_loses_nothing(pages: str) -> None:
    page = create(pages, 3)

    def count_up(connection: psycopg.Connection[Any], number: int) -> int:
        conflicts = 0
        for _ in range(10):
            while True:
                document = read(connection, page)
                operation = {
                    "op": "replace",
                    "path": "/blocks/b1/data/n",
                    "value": document["blocks"][1]["data"]["n"] + 1,
                }
                answer = patch(connection, page, [operation], str(document["version"]))
                if answer > 0:
                    break
                assert answer == -412
                conflicts += 1
        return conflicts

    conflicts = together(pages, 4, count_up)
    with psycopg.connect(pages) as connection:
        document = read(connection, page)
    assert document["blocks"][1]["data"]["n"] == 40
    assert document["version"] == 41
    assert sum(conflicts) > 0, "the sessions did meet"


def test_readers_see_whole_versions(pages: str) -> None:
    """Every save writes its number into the title and all blocks, and rotates the order: no reader sees a mixture."""
    page = create(pages, 20)
    until = time.monotonic() + 2.5

    def work(connection: psycopg.Connection[Any], number: int) -> int:
        seen = 0
        while time.monotonic() < until:
            seen += 1
            if number == 0:
                operations: list[dict[str, Any]] = [{"op": "replace", "path": "/title", "value": str(seen)}]
                operations += [{"op": "replace", "path": f"/blocks/{n}/data/n", "value": seen} for n in range(20)]
                operations += [{"op": "move", "from": "/blocks/0", "path": "/blocks/-"}]
                patch(connection, page, operations, "*")
            else:
                document = read(connection, page)
                assert {block["data"]["n"] for block in document["blocks"]} == {int(document["title"])}
                order = [int(block["id"][1:]) for block in document["blocks"]]
                assert order == [(n + int(document["title"])) % 20 for n in range(20)]
                assert document["version"] == int(document["title"]) + 1
        return seen

    assert min(together(pages, 3, work)) > 20


def test_saves_of_several_pages_do_not_deadlock(pages: str) -> None:
    """Whole-page saves, patches in opposite block order, and the old application's updates, all at once."""
    several = [create(pages, 30) for _ in range(2)]
    until = time.monotonic() + 2.5

    def work(connection: psycopg.Connection[Any], number: int) -> int:
        saves = 0
        while time.monotonic() < until:
            page = several[saves % 2]
            if number == 0:
                connection.execute(
                    "update core.pages set title = %s, version = version + 1 where id = %s", [f"old {saves}", page]
                )
            elif number == 1:
                document = read(connection, page)
                document["blocks"].reverse()
                connection.execute(
                    "select * from api.put_page(%s, %s, %s, '{*}', null, %s, 100::smallint, null)",
                    [WORKSPACE, ACTOR, page, json.dumps(document)],
                )
            else:
                numbers = range(30) if number == 2 else reversed(range(30))
                patch(
                    connection,
                    page,
                    [{"op": "replace", "path": f"/blocks/b{n}/data/n", "value": saves * 100 + number} for n in numbers],
                    "*",
                )
            saves += 1
        return saves

    assert min(together(pages, 4, work)) > 3
    with psycopg.connect(pages) as connection:
        for page in several:
            rows = connection.execute(
                "select c.version, p.version from core.page_changes as c inner join core.pages as p on p.id = c.page_id"
                " where p.id = %s order by c.version",
                [page],
            ).fetchall()
            assert [version for version, _ in rows] == list(range(1, rows[0][1] + 1)), "every version is in the log"


def test_create_of_one_id_succeeds_once(pages: str) -> None:
    page = uuid.uuid4()

    def work(connection: psycopg.Connection[Any], number: int) -> str | None:
        try:
            connection.execute(
                "select * from api.create_page(%s, %s, %s, 100::smallint)",
                [WORKSPACE, ACTOR, json.dumps({"id": str(page), "title": str(number)})],
            )
        except psycopg.Error as error:
            return error.sqlstate
        return "created"

    assert sorted(map(str, together(pages, 8, work))) == ["PT409"] * 7 + ["created"]

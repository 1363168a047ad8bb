"""`quire verify`: finds damage in any page of the database, and repairs what history proves."""

from __future__ import annotations

import uuid

import psycopg
import pytest

from app.cli import main
from app.tests.processes import Api

HEADERS = {"Content-Type": "application/json-patch+json", "If-Match": "*"}


@pytest.fixture
def pages(api: Api, conn: psycopg.Connection, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three pages of two versions, and nothing else in the database."""
    monkeypatch.setenv("DATABASE_URL", api.database)
    conn.execute("truncate core.pages, core.page_changes, core.page_snapshots_due cascade")
    made = sorted(api.create(blocks=[{"id": "a", "type": "p", "data": {"n": 1}}]) for _ in range(3))
    for page in made:
        patch = [{"op": "replace", "path": "/blocks/a/data/n", "value": 2}]
        assert api.client().patch(f"/pages/{page}", json=patch, headers=HEADERS).status_code == 200
    return made


def test_a_sound_database_is_0(pages: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) == 0
    assert capsys.readouterr().out == f"{len(pages)} pages checked, 0 damaged\n"


def test_damage_is_found_named_and_repaired(
    api: Api, pages: list[str], conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    conn.execute("""update core.blocks set data = '{"n": 666}' where page_id = %s""", [pages[1]])
    assert main(["verify"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "3 pages checked, 1 damaged\n"
    assert f"page {api.workspace}/{pages[1]}: content_hash damaged" in shown.err
    assert "666" not in shown.err, "content of pages is not shown"
    assert main(["verify", "--repair"]) == 0
    shown = capsys.readouterr()
    assert shown.out == "3 pages checked, 0 damaged, 1 repaired\n"
    assert f"page {api.workspace}/{pages[1]}: page_rebuilt (" in shown.err
    document = api.client().get(f"/pages/{pages[1]}").json()
    assert (document["version"], document["blocks"][0]["data"]) == (3, {"n": 2})
    assert main(["verify"]) == 0


def test_what_cannot_be_repaired_stays_1_with_the_last_good_version(
    pages: list[str], conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    conn.execute("delete from core.page_changes where page_id = %s and version = 2", [pages[0]])
    assert main(["verify", "--repair"]) == 1
    shown = capsys.readouterr()
    assert shown.out == "3 pages checked, 1 damaged, 0 repaired\n"
    assert "versions damaged (versions [2], last_consistent_version 1)" in shown.err


def test_hashes_that_an_older_release_did_not_record_are_filled(
    pages: list[str], conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    conn.execute("update core.pages set content_hash = null")
    conn.execute("update core.page_changes set content_hash = null, touched = null")
    assert main(["verify"]) == 0
    assert main(["verify", "--repair"]) == 0
    assert capsys.readouterr().out.endswith("3 pages checked, 0 damaged, 3 repaired\n")
    assert conn.execute("select count(*) from core.pages where content_hash is null").fetchone() == (0,)


def test_one_page_or_one_workspace(
    api: Api, pages: list[str], conn: psycopg.Connection, capsys: pytest.CaptureFixture[str]
) -> None:
    workspace = str(api.workspace)
    conn.execute("delete from core.blocks where page_id = %s", [pages[2]])
    assert main(["verify", "--workspace", workspace, "--page", pages[0]]) == 0
    assert main(["verify", "--workspace", workspace, "--page", pages[2]]) == 1
    assert main(["verify", "--workspace", workspace]) == 1
    assert capsys.readouterr().out.splitlines() == [
        "1 pages checked, 0 damaged",
        "1 pages checked, 1 damaged",
        "3 pages checked, 1 damaged",
    ]
    assert main(["verify", "--workspace", str(uuid.uuid4())]) == 0
    assert main(["verify", "--page", pages[0]]) == 2
    assert main(["verify", "--workspace", workspace, "--page", str(uuid.uuid4())]) == 2
    assert "there is no page" in capsys.readouterr().err


def test_a_monitor_may_look(api: Api, pages: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"{api.database}&options=-c%20role%3Dquire_monitor")
    assert main(["verify"]) == 0

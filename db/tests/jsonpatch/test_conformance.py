"""jsonpatch.apply against the public JSON Patch conformance suite (data/README.md says where it is from)."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest

DATA = Path(__file__).parent / "data"

# Their point is a member that occurs twice. A jsonb has lost that; whoever reads the text of a patch refuses it with
# "is json with unique keys", which test_duplicate_members shows for these two.
DUPLICATE_MEMBERS = {"A.13 Invalid JSON Patch Document", "duplicate ops"}


def cases() -> list[Any]:
    """Every case of the suite, those that it calls disabled too: they are only optional for others."""
    found: list[Any] = []
    for name in ("spec_tests.json", "tests.json"):
        suite: list[dict[str, Any]] = json.loads((DATA / name).read_text())
        for number, case in enumerate(suite):
            if case.get("comment") not in DUPLICATE_MEMBERS:
                found.append(pytest.param(case, id=f"{name}-{number}"))
    return found


def test_the_suite_is_complete() -> None:
    assert len(cases()) == 93


@pytest.mark.parametrize("case", cases())
def test_conformance(conn: psycopg.Connection[Any], case: dict[str, Any]) -> None:
    arguments = [json.dumps(case["doc"]), json.dumps(case["patch"])]
    if "error" in case:
        with pytest.raises(psycopg.Error) as caught:
            conn.execute("select jsonpatch.apply(%s, %s)", arguments)
        assert caught.value.sqlstate in ("PT400", "PT422"), case["error"]
        assert caught.value.diag.constraint_name
        assert "operation" in json.loads(caught.value.diag.message_detail or "")
    else:
        arguments.append(json.dumps(case.get("expected", case["doc"])))
        row = conn.execute(
            "select r, r = %s from jsonpatch.apply(%s, %s) as r", [arguments[2], *arguments[:2]]
        ).fetchone()
        assert row is not None and row[1], f"{case.get('comment')}: {row and row[0]}"


def test_duplicate_members(conn: psycopg.Connection[Any]) -> None:
    patches = [
        """[{"op": "add", "path": "/baz", "value": "qux", "op": "remove"}]""",
        """[{"op": "add", "path": "/baz", "value": "qux", "op": "move", "from": "/foo"}]""",
    ]
    for patch in patches:
        row = conn.execute("select %s is json with unique keys", [patch]).fetchone()
        assert row == (False,)

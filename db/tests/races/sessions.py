"""Sessions that meet on pages: what the race tests share."""

import json
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

WORKSPACE = uuid.UUID(int=1)
ACTOR = uuid.UUID(int=10)


def prepare(conninfo: str) -> None:
    """A workspace and an editor in it."""
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute("insert into core.workspaces (id, name, created_at) values (%s, 'w', now())", [WORKSPACE])
        connection.execute("insert into core.users (id, name, created_at) values (%s, 'e', now())", [ACTOR])
        connection.execute(
            "insert into core.workspace_members (workspace_id, user_id, role, created_at)"
            " values (%s, %s, 'editor', now())",
            [WORKSPACE, ACTOR],
        )


def create(conninfo: str, blocks: int) -> uuid.UUID:
    """A page of blocks b0, b1, ..., each with n = 0."""
    page = uuid.uuid4()
    document = {
        "id": str(page),
        "title": "0",
        "blocks": [{"id": f"b{n}", "type": "p", "data": {"n": 0}} for n in range(blocks)],
    }
    with psycopg.connect(conninfo, autocommit=True) as connection:
        connection.execute(
            "select * from api.create_page(%s, %s, %s, 100::smallint)", [WORKSPACE, ACTOR, json.dumps(document)]
        )
    return page


def read(connection: psycopg.Connection[Any], page: uuid.UUID) -> dict[str, Any]:
    """The document of a page."""
    row = connection.execute("select body from api.get_page(%s, %s, %s, null)", [WORKSPACE, ACTOR, page]).fetchone()
    assert row is not None
    return json.loads(row[0])


def patch(connection: psycopg.Connection[Any], page: uuid.UUID, operations: list[dict[str, Any]], match: str) -> int:
    """The version that a patch made; minus the status when it was refused."""
    row = connection.execute(
        "select status, version from api.patch_page(%s, %s, %s, %s, null, %s, 'patch', 100::smallint, null)",
        [WORKSPACE, ACTOR, page, [match], json.dumps(operations)],
    ).fetchone()
    assert row is not None
    return row[1] if row[0] == 200 else -row[0]


def together(conninfo: str, count: int, work: Callable[[psycopg.Connection[Any], int], Any]) -> list[Any]:
    """What `count` sessions return that begin their work at one moment."""
    barrier = threading.Barrier(count)

    def run(number: int) -> Any:
        with psycopg.connect(conninfo, autocommit=True) as connection:
            barrier.wait(30)
            return work(connection, number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def wait_until_waiting(conninfo: str, *pids: int) -> None:
    """Until each of these sessions waits for a lock."""
    end = time.monotonic() + 30
    with psycopg.connect(conninfo, autocommit=True) as connection:
        while time.monotonic() < end:
            row = connection.execute(
                "select count(*) from pg_stat_activity where pid = any(%s) and wait_event_type = 'Lock'", [list(pids)]
            ).fetchone()
            if row == (len(pids),):
                return
            time.sleep(0.01)
    raise AssertionError(f"{pids} do not wait for locks")

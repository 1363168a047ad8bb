"""Two who change members or tokens at the same time: a workspace keeps an owner, a token is rotated once."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest

from db.tests.races.sessions import wait_until_waiting


def value(connection: psycopg.Connection[Any], statement: str, *arguments: object) -> Any:
    row = connection.execute(statement.encode(), arguments).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize("second", ["select ops.remove_member(%s, %s)", "select ops.add_member(%s, %s, 'viewer')"])
def test_of_two_owners_who_go_one_stays(database: str, second: str) -> None:
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        workspace = value(one, "select ops.create_workspace('w')")
        users = [value(one, "select ops.create_user(%s)", str(uuid.uuid4())) for _ in range(2)]
        for user in users:
            one.execute("select ops.add_member(%s, %s, 'owner')", [workspace, user])
        with ThreadPoolExecutor(1) as pool:
            with one.transaction():
                one.execute("select ops.remove_member(%s, %s)", [workspace, users[0]])
                later = pool.submit(other.execute, second.encode(), [workspace, users[1]])
                wait_until_waiting(database, other.info.backend_pid)
            with pytest.raises(psycopg.Error) as refused:
                later.result(10)
        assert refused.value.diag.constraint_name == "last_owner"
        assert value(one, "select count(*) from core.workspace_members where workspace_id = %s", workspace) == 1


def test_a_save_does_not_wait_for_a_change_of_members(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        workspace = value(one, "select ops.create_workspace('w')")
        user = value(one, "select ops.create_user(%s)", str(uuid.uuid4()))
        one.execute("select ops.add_member(%s, %s, 'owner')", [workspace, user])
        guest = value(one, "select ops.create_user(%s)", str(uuid.uuid4()))
        one.execute("select ops.add_member(%s, %s, 'viewer')", [workspace, guest])
        with one.transaction():
            one.execute("select ops.add_member(%s, %s, 'editor')", [workspace, guest])
            other.execute("set lock_timeout = '2s'")
            assert (
                value(
                    other,
                    'select status from api.create_page(%s, %s, \'{"title": "t"}\', 100::smallint)',
                    workspace,
                    user,
                )
                == 201
            )


def test_a_token_is_rotated_once(database: str) -> None:
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        user = value(one, "select ops.create_user(%s)", str(uuid.uuid4()))
        token = value(one, "select ops.create_token(%s, sha256(%s::bytea), '', '{read}')", user, uuid.uuid4().hex)
        rotate = b"select ops.rotate_token(%s, sha256(%s::bytea), '1 hour')"
        with ThreadPoolExecutor(1) as pool:
            with one.transaction():
                one.execute(rotate, [token, uuid.uuid4().hex])
                later = pool.submit(other.execute, rotate, [token, uuid.uuid4().hex])
                wait_until_waiting(database, other.info.backend_pid)
            with pytest.raises(psycopg.Error) as refused:
                later.result(10)
        assert refused.value.diag.constraint_name == "token_ended"
        assert value(one, "select count(*) from core.tokens where user_id = %s", user) == 2


def test_a_subject_seen_twice_at_once_is_one_user(database: str) -> None:
    subject = str(uuid.uuid4())
    with psycopg.connect(database, autocommit=True) as one, psycopg.connect(database, autocommit=True) as other:
        admit = b"select user_id from api.admit_subject('https://id', %s, '{read}', '{}', '{}', null, null, true, null)"
        with ThreadPoolExecutor(1) as pool:
            with one.transaction():
                first = one.execute(admit, [subject]).fetchone()
                later = pool.submit(lambda: other.execute(admit, [subject]).fetchone())
                wait_until_waiting(database, other.info.backend_pid)
            assert later.result(10) == first
        assert value(one, "select count(*) from core.users where name like %s", f"{subject}%") == 1

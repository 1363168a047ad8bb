"""Connection pools: a server that vanished is found out."""

from __future__ import annotations

import asyncio
import time

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from db.pool import create_pool
from db.settings import Settings


@pytest.mark.parametrize(("own", "user_timeout"), [({}, "25000"), ({"tcp_user_timeout": 60_000}, "60000")])
def test_connections_ask_whether_their_server_is_there(
    conn: psycopg.Connection, own: dict[str, int], user_timeout: str
) -> None:
    """Also the one that procrastinate listens on: it connects with the pool's arguments."""
    conninfo = make_conninfo(conn.info.dsn, **own)

    async def parameters() -> dict[str, str]:
        pool = create_pool(conninfo, Settings.from_env({}), min_size=1, max_size=1)
        await pool.open()
        try:
            async with pool.connection() as connection:
                return connection.info.get_parameters()
        finally:
            await pool.close()

    found = asyncio.run(parameters())
    assert (found["keepalives_idle"], found["keepalives_interval"], found["keepalives_count"]) == ("10", "5", "3")
    assert found["tcp_user_timeout"] == user_timeout


def test_after_a_restart_of_the_server_nobody_waits_for_the_connections_that_it_closed(
    conn: psycopg.Connection, database: str
) -> None:
    async def used() -> tuple[float, int]:
        pool = create_pool(database, Settings.from_env({}), min_size=5, max_size=10, name="quire-test-restart")
        await pool.open(wait=True)
        try:
            ended = conn.execute(
                "select count(pg_terminate_backend(pid, 5000)) from pg_stat_activity where application_name = %s",
                ["quire-test-restart"],
            ).fetchone()
            begin = time.monotonic()
            async with pool.connection() as connection:
                await connection.execute("select 1")
            return time.monotonic() - begin, ended[0] if ended else 0
        finally:
            await pool.close()

    seconds, ended = asyncio.run(used())
    assert ended == 5
    assert seconds < 10, "the pool's own check waits 1 + 2 + 4 + 8 s between the five"

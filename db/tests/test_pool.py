"""Connection pools: a server that vanished is found out."""

from __future__ import annotations

import asyncio

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

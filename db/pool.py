"""Connection pools of the API and the worker."""

from __future__ import annotations

import select
import time
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from db.settings import Settings

Connection = psycopg.AsyncConnection[tuple[Any, ...]]
Pool = AsyncConnectionPool[Connection]


# A server that vanished without a word (its machine, a firewall) is found out within half a minute, not in a quarter of
# an hour: by probes while nothing is sent, else by what stays unacknowledged. A long statement's server answers probes.
_LOST_SERVER = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 25_000}


def is_alive(connection: Connection) -> bool:
    """Whether the server has not closed a connection, without a round trip.

    An idle connection has nothing to read, unless the server went away (or sent a notice). So this costs one system
    call, where ``AsyncConnectionPool.check_connection`` costs a query each time.
    """
    if connection.closed:
        return False
    poller = select.poll()
    poller.register(connection.fileno(), select.POLLIN)
    while poller.poll(0):
        # A server that was told to stop says so first: the end of the stream is only read the second time.
        try:
            connection.pgconn.consume_input()
        except psycopg.OperationalError:
            return False
        if connection.pgconn.status != psycopg.pq.ConnStatus.OK:
            return False
    return True


class AlivePool(Pool):
    """Gives no connection that the server has closed.

    The pool's own ``check`` waits after each that it finds, a second and then twice as long each time: after a restart
    of the database a pool of five kept its first client for half a minute.
    """

    async def getconn(self, timeout: float | None = None) -> Connection:
        """See AsyncConnectionPool.getconn; those that are closed go back, and the pool makes others."""
        deadline = time.monotonic() + (self.timeout if timeout is None else timeout)
        while True:
            connection = await super().getconn(max(deadline - time.monotonic(), 0.001))
            if is_alive(connection):
                return connection
            await self.putconn(connection)


async def _configure(connection: Connection) -> None:
    # Not by kwargs: procrastinate connects with the pool's kwargs and gives `autocommit` a second time.
    await connection.set_autocommit(True)


def create_pool(
    conninfo: str,
    settings: Settings,
    *,
    min_size: int | None = None,
    max_size: int | None = None,
    options: str = "",
    name: str | None = None,
) -> Pool:
    """A pool of autocommit connections, not yet opened: ``await pool.open()`` where the event loop runs.

    No prepared statements and no session state, so that it works behind PgBouncer's transaction pooling.

    Args:
        conninfo: URL or conninfo string; its own keepalives and tcp_user_timeout count.
        settings: sizes and timeouts (seconds).
        min_size: connections kept open; settings.pool_min when None.
        max_size: most connections; settings.pool_max when None.
        options: start-up options such as ``-c search_path=procrastinate``, behind those of the conninfo.
        name: of the pool in logs; also the connections' application_name.
    """
    own = conninfo_to_dict(conninfo)
    kwargs: dict[str, Any] = {"prepare_threshold": None, "application_name": name or "quire"}
    kwargs |= {name: value for name, value in _LOST_SERVER.items() if name not in own}
    if options:
        kwargs["options"] = f"{own.get('options') or ''} {options}".strip()
    max_size = settings.pool_max if max_size is None else max_size
    return AlivePool(
        conninfo,
        kwargs=kwargs,
        open=False,
        name=name,
        configure=_configure,
        min_size=min(settings.pool_min if min_size is None else min_size, max_size),
        max_size=max_size,
        timeout=settings.pool_timeout,
        max_waiting=settings.pool_max_waiting,
        reconnect_timeout=settings.pool_timeout,
    )

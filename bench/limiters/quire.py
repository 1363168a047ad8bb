"""Quire's limiter, called as its API does: psycopg, autocommit, no prepared statements.

python -m bench.limiters.quire CONNINFO decide|admit POLICY CALLERS KEYS SECONDS

`decide` is core.decide_limits alone, as the others are limiters alone; `admit` is api.admit, which finds token and user
out first. Key number k is the user of that number, its token sha256 of `token k`.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
import uuid

import psycopg

from bench.limiters.lap import lap

POLICY = "bench"
STATEMENTS = {
    "decide": b"select decision from core.decide_limits(%s, '{1}', %s, null, null, null)",
    "admit": b"select decision from api.admit(%s, %s, '{1}', null, null)",
}


def token(number: int) -> bytes:
    """Hash of a key's token."""
    return hashlib.sha256(f"token {number}".encode()).digest()


async def main(conninfo: str, what: str, policy: str, callers: int, keys: int, seconds: float) -> None:
    """Ask."""
    connections = [
        await psycopg.AsyncConnection.connect(conninfo, autocommit=True, prepare_threshold=None) for _ in range(callers)
    ]
    subjects = [token(number) if what == "admit" else uuid.UUID(int=number + 1) for number in range(keys)]

    async def decide(caller: int, key: int) -> bool:
        subject = subjects[key]
        parameters = [[policy], subject] if what == "decide" else [subject, [policy]]
        cursor = await connections[caller].execute(STATEMENTS[what], parameters)
        row = await cursor.fetchone()
        assert row is not None
        return row[0] == "allowed"

    await lap(callers, keys, seconds, decide)


if __name__ == "__main__":
    conninfo, what, policy, callers, keys, seconds = sys.argv[1:]
    asyncio.run(main(conninfo, what, policy, int(callers), int(keys), float(seconds)))

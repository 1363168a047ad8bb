"""The least that a batch queue in SQL can do: claim 100 rows, delete them, and with `history` note them; psycopg.

    python -m bench.queue.raw CONNINFO no_history|history flushed|claims_not_flushed [BATCH [SECONDS]]

Each statement is prepared and commits by itself; acks are always durable, claims need not be. TABLES and FILL make what
it drains.
"""

from __future__ import annotations

import sys
import time
import uuid

import psycopg

from bench.queue.child import Lap

TABLES = """
create schema raw;
create table raw.queue (
    id bigint primary key, workspace_id integer not null, lane smallint not null default 0,
    priority smallint not null default 100, seq bigint generated always as identity,
    generation integer not null default 1, attempts smallint not null default 0,
    run_at timestamptz not null default now(), enqueued_at timestamptz not null default now(),
    lease_id uuid, lease_until timestamptz
) with (fillfactor = 60);
create index on raw.queue (lane, priority, seq);
create table raw.done (
    id bigint, workspace_id integer, attempts smallint, enqueued_at timestamptz, processed_at timestamptz not null
)
"""
FILL = "insert into raw.queue (id, workspace_id) select n, mod(n, 10) from generate_series(1, %s::bigint) as n"
CLAIM = """
with c as materialized (
    select id from raw.queue where lane = 0 and lease_until is null and run_at <= now()
    order by priority, seq limit %s for update skip locked
)
update raw.queue as q set lease_id = %s, lease_until = now() + interval '60 s', attempts = attempts + 1
from c where q.id = c.id
returning q.id, q.generation
"""
# materialized, and asked for by the update: evaluated before it
CLAIM_NOT_FLUSHED = CLAIM.replace(
    "with c as", "with s as materialized (select set_config('synchronous_commit', 'off', true) as off), c as"
).replace("from c where", "from c, s where s.off = 'off' and")
ACK = """
delete from raw.queue as q using unnest(%s::bigint[], %s::integer[]) as a (id, generation)
where q.id = a.id and q.generation = a.generation and q.lease_id = %s
"""
ACK_WITH_HISTORY = f"""
with gone as ({ACK} returning q.id, q.workspace_id, q.attempts, q.enqueued_at)
insert into raw.done select id, workspace_id, attempts, enqueued_at, now() from gone
"""  # noqa: S608 - the constants above


def batch(connection: psycopg.Connection, limit: int, history: bool, flushed: bool = True) -> int:
    """Claim and ack up to `limit` rows; how many."""
    lease = uuid.uuid4()
    rows = connection.execute(CLAIM if flushed else CLAIM_NOT_FLUSHED, [limit, lease], prepare=True).fetchall()
    if not rows:
        return 0
    ids, generations = [row[0] for row in rows], [row[1] for row in rows]
    statement = ACK_WITH_HISTORY if history else ACK
    return connection.execute(statement, [ids, generations, lease], prepare=True).rowcount


def main() -> None:
    """Drain."""
    conninfo, history, flushed = sys.argv[1], sys.argv[2] == "history", sys.argv[3] == "flushed"
    limit = int((*sys.argv, 100)[4])
    lap = Lap()
    # a fifth argument: drain that many seconds, waiting for more when there is nothing
    end = float(sys.argv[5]) if len(sys.argv) > 5 else 0.0
    with psycopg.connect(conninfo, autocommit=True, application_name="bench-drain") as connection:
        lap.begin()
        while (count := batch(connection, limit, history, flushed)) or time.time() - lap.first < end:
            lap.done(count)
            lap.note("acks", count)
            if not count:
                time.sleep(0.01)
            elif end and time.time() - lap.first > end:
                break
    lap.end()


if __name__ == "__main__":
    main()

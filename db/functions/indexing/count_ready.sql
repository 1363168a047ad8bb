-- indexing.count_ready: how many entries could be claimed now (counted up to p_limit), and how long the first in line
-- of any priority has been waiting: what the worker's tick looks at. Reads the head of the ready index only.
create or replace function indexing.count_ready(
    p_limit integer
)
returns table (ready integer, oldest_seconds double precision)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
    with clock as materialized (
        select core.clock() as at
    )
    select
        count(*)::integer,
        coalesce(extract(epoch from max(c.at - r.due)), 0)::double precision
    from clock as c
    cross join lateral (
        select greatest(q.run_at, q.enqueued_at) as due
        from core.indexing_queue as q
        where q.lane in (0, 1) and q.lease_id is null and q.run_at <= c.at
        limit p_limit
    ) as r;
$$;

comment on function indexing.count_ready(integer) is
'Entries that could be claimed, counted up to a limit, and seconds since the oldest of those became due.';
revoke all on function indexing.count_ready(integer) from public;
grant execute on function indexing.count_ready(integer) to quire_worker;

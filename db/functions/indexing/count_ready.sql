-- indexing.count_ready: how many entries could be claimed now (counted up to p_limit), and how long the first in line
-- of any priority has been waiting: what the worker's tick looks at. Reads the head of the ready index only; where dead
-- rows that vacuum may not remove pile up before it (or the queue is too deep to count), it says what the statistics
-- said last, at most 25 seconds ago. What waits for a provider that is out counts: somebody has to ask it again.
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
    ),
    known as materialized (
        select
            least(s.ready + case when o.seconds is not null then s.backing_off else 0 end, p_limit)::integer as ready,
            greatest(s.oldest_ready_seconds, o.seconds) as oldest_ready_seconds
        from (
            select l.ready, l.backing_off, l.oldest_ready_seconds, l.exact
            from clock as c
            inner join core.indexing_stats as l on l.at between c.at - interval '25 seconds' and c.at
            order by l.at desc
            limit 1
        ) as s
        cross join (
            select extract(epoch from (select c.at from clock as c) - min(b.changed_at))::double precision as seconds
            from core.list_outages() as b
            where b.outages > 0
        ) as o
        where not s.exact
    )
    select k.ready, k.oldest_ready_seconds
    from known as k
    union all
    select
        count(*)::integer,
        coalesce(extract(epoch from max(c.at - r.due)), 0)::double precision
    from clock as c
    cross join lateral (
        select greatest(q.run_at, q.enqueued_at) as due
        from core.indexing_queue as q
        where q.lane in (0, 1) and q.lease_id is null and q.run_at <= c.at
            and not exists (select from known as k)
        limit p_limit
    ) as r
    having not exists (select from known as k);
$$;

comment on function indexing.count_ready(integer) is
'Entries that could be claimed, counted up to a limit, and seconds since the oldest of those became due.';
revoke all on function indexing.count_ready(integer) from public;
grant execute on function indexing.count_ready(integer) to quire_worker;

-- core.queue_heads: the oldest entries of the indexing queue, found without reading the dead rows before them. No live
-- entry has a smaller seq than the head that was noted at least 15 seconds ago: seq grows, and what had drawn a number
-- then has committed since (a save may take 10 seconds). So the look starts there, at every depth. p_out: priorities
-- of which only what was never put off is ready (core.priorities_out).
create or replace function core.queue_heads(
    p_now timestamptz,
    p_out smallint[]
)
returns table (heads bigint[], ready_at timestamptz, edit_at timestamptz)
language sql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
set enable_seqscan = off
set enable_bitmapscan = off
as $$
    with noted as materialized (
        select s.heads, s.last_seq
        from core.indexing_stats as s
        where s.at > p_now - interval '10 minutes' and s.measured_at between p_now - interval '10 minutes'
            and p_now - interval '15 seconds'
        order by s.at desc
        limit 1
    ),
    places as (
        select
            l.lane, p.priority, p.place,
            case when l.lane = 0 then coalesce((select n.heads[p.place] from noted as n), 0) else 0 end as head
        from (values (0::smallint), (1::smallint)) as l (lane)
        cross join (values (0::smallint, 1), (100::smallint, 2), (200::smallint, 3), (300::smallint, 4))
            as p (priority, place)
    ),
    found as (
        select
            p.lane, p.place, p.head,
            min(e.seq) as seq,
            min(e.enqueued_at) filter (
                where e.lease_id is null and e.run_at <= p_now
                    and (e.last_error is null or p.priority <> all(p_out))
            ) as ready_at,
            min(e.enqueued_at) filter (where p.priority < 300) as edit_at
        from places as p
        left join lateral (
            select q.seq, q.lease_id, q.run_at, q.enqueued_at, q.last_error
            from core.indexing_queue as q
            where q.lane = p.lane and q.priority = p.priority and q.seq >= p.head
            order by q.lane, q.priority, q.seq
            limit 2000
        ) as e on true
        group by p.lane, p.place, p.head
    )
    select
        array_agg(
            greatest(f.head, least(f.seq, coalesce((select n.last_seq from noted as n), 0))) order by f.place
        ) filter (where f.lane = 0),
        min(f.ready_at),
        min(f.edit_at)
    from found as f;
$$;

comment on function core.queue_heads(timestamptz, smallint[]) is
'Smallest seq of live entries by priority (lane 0); when the oldest ready entry and the oldest unindexed edit came.';
revoke all on function core.queue_heads(timestamptz, smallint[]) from public;

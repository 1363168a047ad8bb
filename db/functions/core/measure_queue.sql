-- core.measure_queue: depth and age of the indexing queue at a cost that depends on neither. Up to 100,000 entries are
-- counted, in the order of the ready index; beyond, and where vacuum may not remove very many dead rows (somebody holds
-- an old snapshot), the total is PostgreSQL's own estimate and its split that of a sample of pages. The oldest entries
-- are looked for from where the statistics say that the queue's head was: behind the dead rows. What waits for a
-- provider that is out (core.priorities_out) backs off, although its time has come.
create or replace function core.measure_queue()
returns table (
    ready bigint,
    processing bigint,
    backing_off bigint,
    oldest_ready_seconds double precision,
    lag_seconds double precision,
    dead_tuples bigint,
    exact boolean,
    heads bigint[],
    last_seq bigint
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
-- by the ready index, whatever the statistics of a table that was just empty say
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_limit constant integer := 100000;
    v_most_dead constant integer := 200000;
    v_queue constant regclass := 'core.indexing_queue';
    v_now constant timestamptz := core.clock();
    v_out constant smallint[] := core.priorities_out();
    v_live bigint := pg_stat_get_live_tuples(v_queue);
    v_seen bigint;
    v_ready_at timestamptz;
    v_edit_at timestamptz;
begin
    dead_tuples := pg_stat_get_dead_tuples(v_queue);
    select s.last_value into last_seq from core.indexing_seq as s;
    select h.heads, h.ready_at, h.edit_at into heads, v_ready_at, v_edit_at from core.queue_heads(v_now, v_out) as h;
    exact := v_live <= v_limit and dead_tuples <= v_most_dead;
    if exact then
        select
            count(*) filter (where s.lease_id is null and not s.waits),
            count(*) filter (where s.lease_id is not null),
            count(*) filter (where s.lease_id is null and s.waits),
            count(*) <= v_limit,
            min(s.enqueued_at) filter (where s.lease_id is null and not s.waits),
            min(s.enqueued_at) filter (where s.priority < 300)
        into ready, processing, backing_off, exact, v_ready_at, v_edit_at
        from (
            select
                q.lease_id, q.enqueued_at, q.priority,
                q.run_at > v_now or q.last_error is not null and q.priority = any(v_out) as waits
            from core.indexing_queue as q
            order by q.lane, q.priority, q.seq
            limit v_limit + 1
        ) as s;
        v_live := case when exact then v_live else greatest(v_live, v_limit + 1) end;
    end if;
    if not exact then
        select
            count(*) filter (where s.lease_id is null and not s.waits),
            count(*) filter (where s.lease_id is not null),
            count(*) filter (where s.lease_id is null and s.waits),
            count(*),
            least(v_ready_at, min(s.enqueued_at) filter (where s.lease_id is null and not s.waits)),
            least(v_edit_at, min(s.enqueued_at) filter (where s.priority < 300))
        into ready, processing, backing_off, v_seen, v_ready_at, v_edit_at
        from (
            select
                q.lease_id, q.enqueued_at, q.priority,
                q.run_at > v_now or q.last_error is not null and q.priority = any(v_out) as waits
            from core.indexing_queue as q tablesample system (
                least(100, 100.0 * 200 * 8192 / greatest(pg_relation_size(v_queue), 1))
            )
        ) as s;
        processing := round(v_live::numeric * processing / greatest(v_seen, 1));
        backing_off := round(v_live::numeric * backing_off / greatest(v_seen, 1));
        ready := greatest(v_live - processing - backing_off, 0);
    end if;
    oldest_ready_seconds := greatest(coalesce(extract(epoch from v_now - v_ready_at), 0), 0);
    lag_seconds := greatest(coalesce(extract(epoch from v_now - v_edit_at), 0), 0);
    return next;
end;
$$;

comment on function core.measure_queue() is
'Depth by state and ages of the indexing queue; counted up to 100,000 entries, estimated beyond. Bounded work.';
revoke all on function core.measure_queue() from public;

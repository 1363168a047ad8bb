-- ops.indexing_state: the queue in one row, for metrics and people. Counts are exact below 100,000 waiting entries;
-- above, pending is the planner's estimate of the table (exact = false), for counting a deep queue at each scrape is
-- slow.
create or replace function ops.indexing_state()
returns table (
    pending bigint,
    backing_off bigint,
    processing bigint,
    dead bigint,
    oldest_seconds double precision,
    exact boolean,
    done_total bigint,
    failed_total bigint,
    dead_total bigint,
    lease_expired_total bigint,
    embedded_total bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit constant integer := 100000;
    v_now constant timestamptz := core.clock();
    v_counters jsonb;
begin
    select
        count(*) filter (where s.lease_id is null and s.run_at <= v_now),
        count(*) filter (where s.lease_id is null and s.run_at > v_now),
        count(*) filter (where s.lease_id is not null),
        count(*) <= v_limit,
        coalesce(extract(epoch from v_now - min(s.enqueued_at) filter (where s.run_at <= v_now)), 0)
    into pending, backing_off, processing, exact, oldest_seconds
    from (select q.lease_id, q.run_at, q.enqueued_at from core.indexing_queue as q limit v_limit + 1) as s;
    if not exact then
        select greatest(c.reltuples::bigint - backing_off - processing, pending)
        into pending
        from pg_class as c
        where c.oid = 'core.indexing_queue'::regclass;
    end if;
    select count(*) into dead from core.indexing_dead_letters as d where d.discarded_at is null;
    select coalesce(jsonb_object_agg(c.name, c.value), '{}') into v_counters
    from (select k.name, sum(k.value) as value from core.indexing_counters as k group by k.name) as c;
    done_total := coalesce((v_counters ->> 'done')::bigint, 0);
    failed_total := coalesce((v_counters ->> 'failed')::bigint, 0);
    dead_total := coalesce((v_counters ->> 'dead')::bigint, 0);
    lease_expired_total := coalesce((v_counters ->> 'lease_expired')::bigint, 0);
    embedded_total := coalesce((v_counters ->> 'embedded')::bigint, 0);
    return next;
end;
$$;

comment on function ops.indexing_state() is
'Depth by state, age in seconds of the oldest due entry, and counters since installation. One row.';
revoke all on function ops.indexing_state() from public;
grant execute on function ops.indexing_state() to quire_monitor, quire_worker;

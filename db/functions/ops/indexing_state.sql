-- ops.indexing_state: the queue in one row, for metrics and people. Depth = pending + backing_off + processing. Counts
-- are exact below 100,000 entries; above, and while vacuum may not remove very many dead rows, they are estimates
-- (exact = false): see core.measure_queue. heads, last_seq: for ops.record_indexing_stats.
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
    embedded_total bigint,
    lag_seconds double precision,
    dead_tuples bigint,
    heads bigint[],
    last_seq bigint
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_most constant integer := 100000;
    v_counters jsonb;
begin
    select
        m.ready, m.backing_off, m.processing, m.oldest_ready_seconds, m.exact, m.lag_seconds, m.dead_tuples, m.heads,
        m.last_seq
    into pending, backing_off, processing, oldest_seconds, exact, lag_seconds, dead_tuples, heads, last_seq
    from core.measure_queue() as m;
    select count(*) into dead from (
        select from core.indexing_dead_letters as d where d.discarded_at is null limit v_most + 1
    ) as d;
    if dead > v_most then
        dead := greatest(dead, pg_stat_get_live_tuples('core.indexing_dead_letters'::regclass));
    end if;
    select coalesce(jsonb_object_agg(c.name, c.value), '{}') into v_counters
    from (select i.name, sum(i.value) as value from core.indexing_counters as i group by i.name) as c;
    done_total := coalesce((v_counters ->> 'done')::bigint, 0);
    failed_total := coalesce((v_counters ->> 'failed')::bigint, 0);
    dead_total := coalesce((v_counters ->> 'dead')::bigint, 0);
    lease_expired_total := coalesce((v_counters ->> 'lease_expired')::bigint, 0);
    embedded_total := coalesce((v_counters ->> 'embedded')::bigint, 0);
    return next;
end;
$$;

comment on function ops.indexing_state() is
'Depth by state, age in seconds of the oldest ready entry and of the oldest unindexed edit (lag_seconds), counters since
installation. One row, bounded work: estimates above 100,000 entries.';
revoke all on function ops.indexing_state() from public;
grant execute on function ops.indexing_state() to quire_monitor, quire_worker;

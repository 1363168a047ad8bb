-- ops.ensure_partitions: partitions made ahead of time: months of core.page_changes (this one and two more) and days of
-- core.indexing_done (today and three more), in UTC. Called at each worker's start and every hour; returns how many it
-- made.
create or replace function ops.ensure_partitions()
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_month constant timestamptz := date_trunc('month', core.clock(), 'UTC');
    v_day constant timestamptz := date_trunc('day', core.clock(), 'UTC');
    v_from timestamptz;
    v_to timestamptz;
    v_count integer := 0;
begin
    perform pg_advisory_xact_lock(hashtextextended('quire.partitions', 0));
    for v_i in 0..2 loop
        -- in UTC: a month added in another zone would end an hour off when its clocks change
        v_from := (v_month at time zone 'UTC' + make_interval(months => v_i)) at time zone 'UTC';
        v_to := (v_month at time zone 'UTC' + make_interval(months => v_i + 1)) at time zone 'UTC';
        v_count := v_count + core.ensure_partition(
            'page_changes', to_char(v_from at time zone 'UTC', 'YYYYMM'), 'at', v_from, v_to
        )::integer;
    end loop;
    for v_i in 0..3 loop
        v_from := (v_day at time zone 'UTC' + make_interval(days => v_i)) at time zone 'UTC';
        v_to := (v_day at time zone 'UTC' + make_interval(days => v_i + 1)) at time zone 'UTC';
        v_count := v_count + core.ensure_partition(
            'indexing_done', to_char(v_from at time zone 'UTC', 'YYYYMMDD'), 'processed_at', v_from, v_to
        )::integer;
    end loop;
    return v_count;
end;
$$;

comment on function ops.ensure_partitions() is
'Makes the next partitions of page_changes and indexing_done; returns how many.';
revoke all on function ops.ensure_partitions() from public;
grant execute on function ops.ensure_partitions() to quire_worker;

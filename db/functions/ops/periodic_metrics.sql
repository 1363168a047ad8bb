-- ops.periodic_metrics: what ops.metrics says of periodic work and retention. Rows of default partitions are counted up
-- to 10,000: any is one too many.
create or replace function ops.periodic_metrics()
returns table (name text, type text, labels jsonb, value double precision)
language plpgsql
volatile
parallel unsafe
security definer
rows 60
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select m.name, m.type, jsonb_build_object('task', p.task), m.value
        from ops.list_periodic() as p
        cross join lateral (
            values
            ('quire_periodic_late_seconds', 'gauge', p.late_seconds),
            ('quire_periodic_runs_total', 'counter', p.runs_total),
            ('quire_periodic_failures_total', 'counter', p.failures_total)
        ) as m (name, type, value)
        where p.enabled;
    return query
        select m.name, m.type, jsonb_build_object('table', p.relation), m.value
        from ops.list_periodic() as p
        cross join lateral (
            values
            ('quire_purge_rows_total', 'counter', p.rows_total::double precision),
            ('quire_purge_last_success_timestamp_seconds', 'gauge', extract(epoch from p.last_success_at))
        ) as m (name, type, value)
        where p.relation is not null and m.value is not null;
    return query
        select
            'quire_default_partition_rows', 'gauge', jsonb_build_object('table', d.relation), d.found::double precision
        from (
            select 'core.indexing_done', count(*)
            from (select from core.indexing_done_default limit 10000) as s
            union all
            select 'core.page_changes', count(*)
            from (select from core.page_changes_default limit 10000) as s
        ) as d (relation, found);
end;
$$;

comment on function ops.periodic_metrics() is 'Samples of ops.metrics about periodic work and retention.';
revoke all on function ops.periodic_metrics() from public;
grant execute on function ops.periodic_metrics() to quire_monitor;

-- ops.metrics: what Prometheus reads from the database, a row a sample. Bounded work whatever the size of the tables: a
-- deep queue is estimated instead of counted (ops.indexing_state), and the mean page is read from a sample of about
-- 20,000 pages at most. blocks_per_page names the workspaces with the most pages (50); the others together are "other".
create or replace function ops.metrics()
returns table (name text, type text, labels jsonb, value double precision)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set statement_timeout = '2s'
as $$
#variable_conflict use_column
declare
    v_percent real;
begin
    return query
    select m.name, m.type, m.labels, m.value
    from ops.indexing_state() as s
    cross join lateral (
        values
        ('indexing_queue_depth', 'gauge', '{}'::jsonb, (s.pending + s.backing_off + s.processing)::double precision),
        ('quire_indexing_entries', 'gauge', '{"status": "pending"}', s.pending),
        ('quire_indexing_entries', 'gauge', '{"status": "backing_off"}', s.backing_off),
        ('quire_indexing_entries', 'gauge', '{"status": "processing"}', s.processing),
        ('quire_indexing_dead_letters', 'gauge', '{}', s.dead),
        ('quire_indexing_oldest_ready_seconds', 'gauge', '{}', s.oldest_seconds),
        ('quire_indexing_lag_seconds', 'gauge', '{}', s.lag_seconds),
        ('quire_indexing_finished_total', 'counter', '{"outcome": "done"}', s.done_total),
        ('quire_indexing_finished_total', 'counter', '{"outcome": "failed"}', s.failed_total),
        ('quire_indexing_finished_total', 'counter', '{"outcome": "dead"}', s.dead_total),
        ('quire_indexing_embedded_total', 'counter', '{}', s.embedded_total),
        ('quire_indexing_lease_expired_total', 'counter', '{}', s.lease_expired_total)
    ) as m (name, type, labels, value);

    return query
    select m.name, 'gauge', '{}'::jsonb, m.value
    from ops.indexing_rates(60) as r
    cross join core.oldest_xmin(core.clock()) as x
    cross join lateral (
        values
        ('quire_indexing_workers', r.workers::double precision),
        ('quire_indexing_workers_wanted', ops.workers_wanted()),
        ('quire_indexing_arrival_rate', r.arrival_rate),
        ('quire_indexing_service_rate', r.service_rate),
        ('quire_indexing_worker_service_rate', r.worker_rate),
        ('quire_oldest_xmin_seconds', x.seconds)
    ) as m (name, value)
    where m.value is not null;

    return query
    select 'quire_schema_version', 'gauge', '{}'::jsonb, max(m.number)::double precision
    from ops.migrations as m;

    select 100 * least(1, 20000 / greatest(c.reltuples, 1)) into v_percent
    from pg_class as c
    where c.oid = 'core.pages'::regclass;

    return query
    with per_workspace as (
        select p.workspace_id, sum(cardinality(p.block_order)) as blocks, count(*) as pages
        from core.pages as p tablesample system (v_percent)
        where p.deleted_at is null
        group by p.workspace_id
    ),

    labelled as (
        select
            case when row_number() over (order by w.pages desc, w.workspace_id) <= 50 then w.workspace_id::text
            else 'other' end as label, w.blocks, w.pages
        from per_workspace as w
    )

    select
        'blocks_per_page', 'gauge', jsonb_build_object('workspace_id', l.label),
        (sum(l.blocks) / sum(l.pages))::double precision
    from labelled as l
    group by l.label;

    return query
    select
        'quire_indexing_dead_letters_by_code', 'gauge', jsonb_build_object('error_code', d.error_code),
        d.entries::double precision
    from core.count_dead_codes() as d;

    return query
    select
        'quire_indexing_alerts_total', 'counter', jsonb_build_object('outcome', o.outcome),
        coalesce(sum(c.value), 0)::double precision
    from unnest(array['sent', 'failed']) as o (outcome)
    left join core.indexing_counters as c on c.name = 'alerts_' || o.outcome
    group by o.outcome;

    return query
    select
        'quire_fresh_vectors', 'gauge', jsonb_build_object('model', m.name), m.fresh_vectors::double precision
    from core.embedding_models as m
    where m.dropped_at is null;

    return query
    select
        'quire_embedding_outages', 'gauge', jsonb_build_object('model', o.model), o.outages::double precision
    from core.list_outages() as o;

    return query select p.* from ops.periodic_metrics() as p;
end;
$$;

comment on function ops.metrics() is
'Samples for /metrics and for SQL exporters: metric, type (gauge or counter), labels, value. Bounded work.';
revoke all on function ops.metrics() from public;
grant execute on function ops.metrics() to quire_monitor;

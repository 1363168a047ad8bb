-- ops.list_periodic: every periodic task with what it last did, and by how many seconds it is late. Workers take their
-- schedule from it; ops.periodic_state shows it.
create or replace function ops.list_periodic()
returns table (
    task text,
    about text,
    cron text,
    runs_in text,
    scheduler text,
    enabled boolean,
    relation text,
    keep_hours integer,
    last_run_at timestamptz,
    last_success_at timestamptz,
    late_seconds double precision,
    last_error text,
    more boolean,
    runs_total bigint,
    failures_total bigint,
    rows_total bigint,
    statement text
)
language plpgsql
stable
parallel unsafe
security definer
rows 20
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_scheduler constant text := ops.scheduler();
begin
    return query
        select
            t.task, t.about, t.cron, t.runs_in,
            case t.runs_in when 'worker' then 'procrastinate' else v_scheduler end,
            t.enabled, t.relation, t.keep_hours, p.last_run_at, p.last_success_at,
            case when t.enabled then greatest(
                0, extract(epoch from v_now - coalesce(p.last_success_at, t.added_at)) - t.max_late_seconds
            ) else 0 end::double precision,
            p.last_sqlstate || ': ' || p.last_error,
            coalesce(p.more, false), coalesce(p.runs_total, 0), coalesce(p.failures_total, 0),
            coalesce(p.rows_total, 0), t.statement
        from ops.periodic_tasks as t
        left join ops.periodic_progress as p on p.task = t.task
        order by t.task;
end;
$$;

comment on function ops.list_periodic() is
'Periodic tasks with their last run, success, error, totals, and by how many seconds each is late (0: in time).';
revoke all on function ops.list_periodic() from public;
grant execute on function ops.list_periodic() to quire_worker, quire_monitor;

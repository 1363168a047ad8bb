-- ops.record_periodic: notes a run of a task that no function can run: VACUUM, and the worker's own jobs.
-- 22023: no such task or scheduler.
create or replace function ops.record_periodic(
    p_task text,
    p_scheduler text,
    p_seconds double precision,
    p_rows bigint,
    p_sqlstate text default null,
    p_error text default null
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from ops.periodic_tasks as t where t.task = p_task and t.runs_in <> 'transaction') then
        raise exception 'there is no periodic task "%" that runs outside ops.run_periodic', p_task
            using errcode = '22023';
    end if;
    if p_scheduler is null or p_scheduler not in ('procrastinate', 'pg_cron', 'command') then
        raise exception 'scheduler is "%": it takes procrastinate, pg_cron or command', p_scheduler
            using errcode = '22023';
    end if;
    perform core.record_run(
        p_task, p_scheduler, core.clock() - make_interval(secs => p_seconds), p_seconds, p_rows, false, null, null,
        p_sqlstate, p_error
    );
end;
$$;

comment on function ops.record_periodic(text, text, double precision, bigint, text, text) is
'Notes a run of a periodic task that no function can run (VACUUM, the worker''s own jobs), just ended. 22023.';
revoke all on function ops.record_periodic(text, text, double precision, bigint, text, text) from public;
grant execute on function ops.record_periodic(text, text, double precision, bigint, text, text) to quire_worker;

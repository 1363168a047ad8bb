-- ops.continue_periodic: goes on with tasks that had more to do than one transaction may, the longest waiting first,
-- for about a second. pg_cron calls it every few seconds, for it cannot call a task again at once, as workers do.
-- Returns how many runs it made.
create or replace function ops.continue_periodic(
    p_scheduler text
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_until constant timestamptz := clock_timestamp() + interval '1 second';
    v_task text;
    v_run record;
    v_count integer := 0;
begin
    for v_task in
        select p.task
        from ops.periodic_progress as p
        inner join ops.periodic_tasks as t on t.task = p.task
        where p.more and t.enabled and t.runs_in = 'transaction'
        order by p.last_run_at, p.task
    loop
        loop
            exit when clock_timestamp() >= v_until;
            select r.* into v_run from ops.run_periodic(v_task, p_scheduler) as r;
            v_count := v_count + (v_run.outcome = 'done')::integer;
            exit when v_run.outcome <> 'done' or not v_run.more;
        end loop;
    end loop;
    return v_count;
end;
$$;

comment on function ops.continue_periodic(text) is
'Goes on with periodic tasks that had more to do, for about a second; returns how many runs it made.';
revoke all on function ops.continue_periodic(text) from public;
grant execute on function ops.continue_periodic(text) to quire_worker;

-- ops.run_periodic: one run of a periodic task: one bounded transaction. outcome is done; failed (the error is
-- recorded, not raised); busy (another session runs it); not_in_charge (of procrastinate and pg_cron, the other one is
-- to run it; `command`, a person's `quire purge`, always may) or disabled. more: it did as much as one transaction
-- may.
-- 22023: no such task or scheduler, or a task that no function can run.
create or replace function ops.run_periodic(
    p_task text,
    p_scheduler text
)
returns table (outcome text, rows bigint, more boolean, seconds double precision, error text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_began constant timestamptz := clock_timestamp();
    v_now constant timestamptz := core.clock();
    v_task ops.periodic_tasks;
    v_bookmark jsonb;
    v_said jsonb;
    v_sqlstate text;
begin
    rows := 0;
    more := false;
    seconds := 0;
    if p_scheduler is null or p_scheduler not in ('procrastinate', 'pg_cron', 'command') then
        raise exception 'scheduler is "%": it takes procrastinate, pg_cron or command', p_scheduler
            using errcode = '22023';
    end if;
    select t.* into v_task from ops.periodic_tasks as t where t.task = p_task;
    if not found then
        raise exception 'there is no periodic task "%": ops.periodic_tasks has them', p_task using errcode = '22023';
    end if;
    if v_task.runs_in <> 'transaction' then
        raise exception 'the periodic task "%" does not run in a transaction (%)', p_task, v_task.runs_in
            using errcode = '22023';
    end if;
    outcome := case
        when p_scheduler <> 'command' and p_scheduler <> ops.scheduler() then 'not_in_charge'
        when p_scheduler <> 'command' and not v_task.enabled then 'disabled'
        when not pg_try_advisory_xact_lock(hashtextextended('quire.periodic.' || p_task, 0)) then 'busy'
    end;
    if outcome is not null then
        return next;
        return;
    end if;
    select p.bookmark into v_bookmark from ops.periodic_progress as p where p.task = p_task;
    begin
        execute format('select to_jsonb(t) from (%s) as t', v_task.statement) into v_said using v_bookmark;
        outcome := 'done';
    exception
        -- a statement_timeout is one, too
        when others or query_canceled then
            get stacked diagnostics v_sqlstate = returned_sqlstate, error = message_text;
            outcome := 'failed';
            v_said := null;
    end;
    rows := coalesce((v_said ->> 'rows')::bigint, 0);
    more := coalesce((v_said ->> 'more')::boolean, false);
    seconds := extract(epoch from clock_timestamp() - v_began);
    perform core.record_run(
        p_task, p_scheduler, v_now, seconds, rows, more, nullif(v_said -> 'bookmark', 'null'),
        coalesce(v_said, '{}') - array['rows', 'more', 'bookmark'], v_sqlstate, error
    );
    return next;
end;
$$;

comment on function ops.run_periodic(text, text) is
'One run of a periodic task, recorded; never two of a task at once, and only for the scheduler in charge. 22023.';
revoke all on function ops.run_periodic(text, text) from public;
grant execute on function ops.run_periodic(text, text) to quire_worker;

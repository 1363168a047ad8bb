-- ops.set_scheduler: puts a scheduler in charge of periodic work; from its commit on the other one's calls of
-- ops.run_periodic do nothing. Audited, if it was another. ops.install_cron and ops.remove_cron call it, `quire
-- schedule` too. 22023: no such scheduler; 0A000: pg_cron's library is not loaded.
create or replace function ops.set_scheduler(
    p_scheduler text
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_scheduler is null or p_scheduler not in ('procrastinate', 'pg_cron') then
        raise exception 'scheduler is "%": it takes procrastinate or pg_cron', p_scheduler using errcode = '22023';
    end if;
    if p_scheduler = 'pg_cron' and not core.cron_loaded() then
        raise exception 'pg_cron is not loaded: add it to shared_preload_libraries and restart the server'
            using errcode = '0A000';
    end if;
    if not exists (select from ops.periodic_control as c where c.scheduler = p_scheduler) then
        perform core.write_audit('schedule.change', null, jsonb_build_object('scheduler', p_scheduler), null, null);
    end if;
    update ops.periodic_control as c
    set scheduler = p_scheduler, changed_at = core.clock(), changed_by = session_user;
end;
$$;

comment on function ops.set_scheduler(text) is
'Puts pg_cron or procrastinate in charge of periodic work. 22023, 0A000.';
revoke all on function ops.set_scheduler(text) from public;

-- ops.scheduler: who is in charge of periodic work: pg_cron, when it was given it and its library is loaded (after a
-- move to a server without it nothing would run), else procrastinate, which is the workers.
create or replace function ops.scheduler()
returns text
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if not exists (select from ops.periodic_control as c where c.scheduler = 'pg_cron') then
        return 'procrastinate';
    end if;
    return case when core.cron_loaded() then 'pg_cron' else 'procrastinate' end;
end;
$$;

comment on function ops.scheduler() is
'Who is in charge of periodic work: pg_cron or procrastinate.';
revoke all on function ops.scheduler() from public;
grant execute on function ops.scheduler() to quire_worker, quire_monitor;

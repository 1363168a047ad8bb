-- ops.remove_cron: gives periodic work back to the workers, and takes its jobs from pg_cron where that is in this
-- database; returns how many.
create or replace function ops.remove_cron()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer := 0;
begin
    perform ops.set_scheduler('procrastinate');
    if to_regclass('cron.job') is not null then
        execute 'select count(cron.unschedule(j.jobid)) from cron.job as j where starts_with(j.jobname, $1)'
        into v_count using 'quire:' || current_database() || ':';
    end if;
    return v_count;
end;
$$;

comment on function ops.remove_cron() is
'Gives periodic work back to the workers; returns how many jobs of pg_cron it took away.';
revoke all on function ops.remove_cron() from public;

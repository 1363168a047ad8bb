-- ops.remove_cron: gives periodic work back to the workers, and takes its jobs, and the records of their runs, from
-- pg_cron where that is in this database; returns how many jobs. Where its library is not loaded (a copy of the
-- database elsewhere) nobody can take them, and nothing runs them.
create or replace function ops.remove_cron()
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform ops.set_scheduler('procrastinate');
    if to_regclass('cron.job') is not null and core.cron_loaded() then
        return core.unschedule_cron('{}', '');
    end if;
    return 0;
end;
$$;

comment on function ops.remove_cron() is
'Gives periodic work back to the workers; returns how many jobs of pg_cron it took away.';
revoke all on function ops.remove_cron() from public;

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
declare
    v_count integer := 0;
begin
    perform ops.set_scheduler('procrastinate');
    if to_regclass('cron.job') is not null and core.cron_loaded() then
        execute 'with gone as materialized (select j.jobid from cron.job as j where starts_with(j.jobname, $1)),'
            ' runs as (delete from cron.job_run_details as d using gone as g where d.jobid = g.jobid)'
            ' select count(cron.unschedule(g.jobid)) from gone as g'
        into v_count using 'quire:' || current_database() || ':';
    end if;
    return v_count;
end;
$$;

comment on function ops.remove_cron() is
'Gives periodic work back to the workers; returns how many jobs of pg_cron it took away.';
revoke all on function ops.remove_cron() from public;

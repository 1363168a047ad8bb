-- ops.cron_jobs: the jobs that pg_cron has to have of us, out of ops.periodic_tasks. in_cron_database: to be run where
-- pg_cron has its tables, should that be another database (cron.database_name). Jobs that need a worker process are not
-- among them. VACUUM has to be alone in its job; another one notes it. preview: of pg_cron's own records, which are
-- retention too: a query of one row, rows, that would go now.
create or replace function ops.cron_jobs()
returns table (name text, schedule text, command text, in_cron_database boolean, preview text)
language plpgsql
stable
parallel unsafe
security definer
rows 20
set search_path = pg_catalog, pg_temp
as $$
declare
    -- by number, as a run that a crash ended has no end; that of a job that is gone goes with the job
    v_old constant text := format(
        'from cron.job_run_details where runid <= (select max(runid) from cron.job_run_details'
        ' where end_time < now() - interval ''1 day'') and jobid in (select jobid from cron.job where jobname like %L)',
        'quire:%'
    );
begin
    return query
        select
            'quire:' || current_database() || ':' || j.name, j.schedule, j.command, j.name = 'cron_details',
            case when j.name = 'cron_details' then 'select count(*) as rows ' || v_old end
        from (
            select
                t.task, t.cron,
                case t.runs_in
                    when 'session' then t.statement
                    else format('select * from ops.run_periodic(%L, ''pg_cron'')', t.task)
                end
            from ops.periodic_tasks as t
            where t.enabled and t.runs_in in ('transaction', 'session')
            union all
            values
            ('continue', '5 seconds', 'select ops.continue_periodic(''pg_cron'')'),
            ('record_vacuum', '30 seconds', 'select ops.record_vacuum()'),
            ('cron_details', '41 * * * *', 'delete ' || v_old)
        ) as j (name, schedule, command)
        order by j.name;
end;
$$;

comment on function ops.cron_jobs() is
'The jobs that pg_cron has to have: name, schedule, command, whether it runs in the database of pg_cron itself, and what
of pg_cron''s own records would go now.';
revoke all on function ops.cron_jobs() from public;

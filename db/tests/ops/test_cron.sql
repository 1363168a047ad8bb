-- ops.install_cron, ops.remove_cron and ops.record_vacuum with a stand-in, schema cron as pg_cron 1.6 has it: for
-- PostgreSQL 16, which Debian has no package of it for, and where it cannot be had. app/tests/test_pg_cron.py has the
-- real one on 18 run it all, and holds this one to it.
begin;
select plan(31);

create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
begin
    execute p_sql;
    return 'none';
exception when others then
    return sqlstate || ' ' || sqlerrm;
end;
$$;
select matches(pg_temp.problem('select ops.install_cron()'), '^0A000 pg_cron is not in this database', 'without pg_cron there is nothing to install');
select is(ops.remove_cron(), 0, 'nor to remove');

create schema cron;
create table cron.job (
    jobid bigint generated always as identity, schedule text, command text, database text, username text, active boolean,
    jobname text, unique (jobname, username)
);
create table cron.job_run_details (
    jobid bigint, runid bigint, job_pid integer, database text, username text, command text, status text,
    return_message text, start_time timestamptz, end_time timestamptz
);
create function cron.schedule_in_database(
    job_name text, schedule text, command text, database text, username text default null, active boolean default true
) returns bigint language sql as $$
    insert into cron.job as j (jobname, schedule, command, database, username, active)
    values (job_name, schedule, command, database, coalesce(username, current_user), active)
    on conflict (jobname, username) do update
    set schedule = excluded.schedule, command = excluded.command, database = excluded.database
    returning jobid
$$;
create function cron.schedule(job_name text, schedule text, command text) returns bigint language sql as $$
    select cron.schedule_in_database(job_name, schedule, command, current_database(), current_user)
$$;
create function cron.unschedule(job_id bigint) returns boolean language sql as $$
    delete from cron.job where jobid = job_id returning true
$$;
select cron.schedule_in_database('quire:other:continue', '5 seconds', 'select 1', 'other');
select is(
    pg_temp.problem('select ops.install_cron()'),
    '0A000 pg_cron is not loaded: add it to shared_preload_libraries and restart the server', 'nor where it is not loaded'
);
select is((select count(*) from cron.job), 1::bigint, 'and nothing stays of the attempt');

select set_config('cron.database_name', current_database(), true);
select is(
    pg_temp.problem('select ops.install_cron()'),
    '0A000 pg_cron is not loaded: add it to shared_preload_libraries and restart the server',
    'a setting left in a configuration is no library'
);
select set_config('cron.launch_active_jobs', 'on', true);
create temporary table installed as select ops.install_cron()::bigint as jobs;
select is((select jobs from installed), (select count(*) - 1 from cron.job), 'all jobs are installed');
select is(ops.scheduler(), 'pg_cron', 'and pg_cron is in charge');
select is(
    (select array_agg(distinct username || ' ' || database) from cron.job where jobname not like 'quire:other:%'),
    array['quire_maintenance ' || current_database()], 'as a role that may VACUUM, in this database'
);
select set_eq(
    $$ select split_part(jobname, ':', 3) from cron.job where jobname not like 'quire:other:%' $$,
    $$
        select task from ops.periodic_tasks where enabled and runs_in <> 'worker'
        union all values ('continue'), ('record_vacuum'), ('cron_details')
    $$, 'what the list has, but for what needs a worker'
);
select is(
    (select schedule || ' ' || command from cron.job where jobname like '%:sweep_leases'),
    '5 seconds select * from ops.run_periodic(''sweep_leases'', ''pg_cron'')', 'by its own times'
);
select is(
    (select command from cron.job where jobname like '%:vacuum_queue'),
    (select statement from ops.periodic_tasks where task = 'vacuum_queue'), 'VACUUM is alone in its job'
);
select is_empty(
    $$ select jobname from cron.job where schedule !~ '^[0-9]+ seconds$' and schedule !~ '^\S+( \S+){4}$' $$,
    'all times are such as pg_cron takes'
);
select ok(has_schema_privilege('quire_maintenance', 'cron', 'usage'), 'jobs may clear pg_cron''s own records');

-- a change of the list
update ops.periodic_tasks set enabled = false where task = 'purge_jobs';
update ops.periodic_tasks set cron = '9 * * * *' where task = 'purge_runs';
do $$ begin perform ops.install_cron(); end $$;
select is((select count(*) from cron.job where jobname like '%:purge_jobs'), 0::bigint, 'a task that is switched off goes');
select is((select schedule from cron.job where jobname like '%:purge_runs'), '9 * * * *', 'another time is taken over');
do $$ begin perform ops.install_cron('quire_worker'); end $$;
select is((select count(*) from cron.job where username = 'quire_maintenance'), 0::bigint, 'another login takes the jobs over');

-- what pg_cron says of its runs of VACUUM; there was none in this database since its statistics began
create function pg_temp.ran(p_status text, p_message text, p_at timestamptz) returns void language sql as $$
    insert into cron.job_run_details (jobid, runid, status, return_message, start_time, end_time)
    select jobid, extract(epoch from p_at), p_status, p_message, p_at, p_at + interval '2 seconds' from cron.job
    where jobname like '%:vacuum_queue'
$$;
create function pg_temp.vacuum() returns text language sql as $$
    select concat_ws(' ', runs_total, failures_total, last_error) from ops.list_periodic() where task = 'vacuum_queue'
$$;
delete from ops.periodic_progress where task = 'vacuum_queue';
select pg_temp.ran('failed', E'ERROR:  canceling statement due to lock timeout\nCONTEXT:  of it\n', '2031-01-01 10:00+00');
select ok(ops.record_vacuum(), 'a run that failed is noted');
select is(pg_temp.vacuum(), '1 1 38000: canceling statement due to lock timeout', 'as that, with what it said first');
select is(
    (select last_run_at from ops.list_periodic() where task = 'vacuum_queue'), '2031-01-01 10:00+00'::timestamptz,
    'from its begin'
);
select is((select seconds from ops.purge_runs where task = 'vacuum_queue'), 2::float8, 'to its end');
select ok(not ops.record_vacuum(), 'once');
select pg_temp.ran('succeeded', 'VACUUM', '2031-01-01 10:01+00');
select ok(ops.record_vacuum(), 'one that ended well, to pg_cron');
select matches(pg_temp.vacuum(), '^2 2 38000: VACUUM skipped the table', 'but did nothing is a failure');
insert into cron.job_run_details (jobid, runid, status, start_time)
select jobid, 9999999999, 'running', '2031-01-01 10:02+00' from cron.job where jobname like '%:vacuum_queue';
select ok(not ops.record_vacuum(), 'one that is not over is not noted');

-- without superuser
grant usage on schema cron to quire_maintenance, quire_owner;
grant all on all tables in schema cron to quire_maintenance, quire_owner;
set local role quire_owner;
select is(pg_temp.problem('select ops.install_cron()'), '42501 quire_owner cannot log in, so pg_cron could not run jobs as it: call this as quire_maintenance', 'jobs cannot run as who cannot log in');
set local role quire_maintenance;
select ok(ops.install_cron() > 10, 'maintenance may install it for itself');
reset role;
select is((select count(*) from cron.job where username = 'quire_maintenance' and jobname like '%:vacuum_queue'), 1::bigint, 'and they run as it');

select ok(ops.remove_cron() > 10, 'all are removed');
select is(ops.scheduler(), 'procrastinate', 'and the workers are in charge');
select is((select count(*) from cron.job_run_details), 0::bigint, 'with the records of their runs');
select is((select array_agg(jobname) from cron.job), '{quire:other:continue}', 'jobs of another Quire stay');

select * from finish();
rollback;

-- ops.install_cron: hands periodic work to pg_cron, or renews its jobs after a change of ops.periodic_tasks: schedules
-- ops.cron_jobs, removes those that are gone, and puts pg_cron in charge. As a superuser, jobs run as p_username; else
-- as the caller, who needs the owner's rights and USAGE on schema cron. Returns the number of jobs. Where pg_cron has
-- its tables in another database, `quire schedule pg_cron` does the same from there. 0A000: pg_cron is not in this
-- database or not loaded; 42501: the caller cannot log in, so that jobs cannot run as it.
create or replace function ops.install_cron(
    p_username text default 'quire_maintenance'
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_super boolean;
    v_login boolean;
    v_job record;
    v_names text[] := '{}';
begin
    if to_regprocedure('cron.schedule_in_database(text, text, text, text, text, boolean)') is null then
        raise exception 'pg_cron is not in this database: load it (shared_preload_libraries) and create extension pg_cron,'
            ' 1.6 or newer' using errcode = '0A000';
    end if;
    if not core.cron_loaded() then  -- its functions would say so as an internal error
        raise exception 'pg_cron is not loaded: add it to shared_preload_libraries and restart the server'
            using errcode = '0A000';
    end if;
    select r.rolsuper, r.rolcanlogin into v_super, v_login from pg_roles as r where r.rolname = current_user;
    if not v_super and not v_login then
        raise exception '% cannot log in, so pg_cron could not run jobs as it: call this as quire_maintenance',
            current_user using errcode = '42501';
    end if;
    if v_super then
        execute format('grant usage on schema cron to %I', p_username);  -- its own records are taken away there
    end if;
    for v_job in select j.* from ops.cron_jobs() as j loop
        if v_super then
            execute 'select cron.schedule_in_database($1, $2, $3, $4, $5, true)'
            using v_job.name, v_job.schedule, v_job.command, current_database()::text, p_username;
        else
            execute 'select cron.schedule($1, $2, $3)' using v_job.name, v_job.schedule, v_job.command;
        end if;
        v_names := v_names || v_job.name::text;
    end loop;
    -- those of tasks that are gone, and of another login
    perform core.unschedule_cron(v_names, case when v_super then p_username else current_user end);
    perform ops.set_scheduler('pg_cron');
    return cardinality(v_names);
end;
$$;

comment on function ops.install_cron(text) is
'Hands periodic work to pg_cron, or renews its jobs; returns how many there are. 0A000, 42501.';
revoke all on function ops.install_cron(text) from public;

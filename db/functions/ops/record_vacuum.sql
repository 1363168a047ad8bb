-- ops.record_vacuum: notes a VACUUM of the queue table that pg_cron sent, well or not: its job can hold nothing else.
-- pg_cron's own records say how the last one ended. To pg_cron one that skipped the table (held by somebody, or not the
-- login's to vacuum) ended well, so the statistics are asked whether there was one since the run before. Without those
-- records (pg_cron has its tables in another database, cron.log_run is off) the statistics are all there is. Invoker,
-- for pg_cron shows a login no runs but its own. Once for each; returns whether there was one. SQLSTATE of a failure is
-- 38000: pg_cron keeps the text only.
create or replace function ops.record_vacuum()
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_noted constant timestamptz := coalesce(
        (select p.last_run_at from ops.periodic_progress as p where p.task = 'vacuum_queue'), '-infinity'
    );
    v_began timestamptz;
    v_ended timestamptz;
    v_before timestamptz;
    v_status text;
    v_said text;
    v_vacuumed timestamptz;
begin
    if to_regnamespace('cron') is not null and has_schema_privilege('cron', 'usage')
        and to_regclass('cron.job_run_details') is not null
    then
        execute 'select coalesce(r.start_time, r.end_time), r.end_time, r.status, r.return_message,'
            ' lead(r.end_time) over (order by r.runid desc)'
            ' from (select d.* from cron.job_run_details as d'
            ' where d.jobid in (select j.jobid from cron.job as j where j.jobname = $1) and d.end_time is not null'
            ' order by d.runid desc limit 2) as r order by r.runid desc limit 1'
        into v_began, v_ended, v_status, v_said, v_before
        using 'quire:' || current_database() || ':vacuum_queue';
    end if;
    v_vacuumed := pg_stat_get_last_vacuum_time('core.indexing_queue'::regclass);  -- after the record that it is held to
    if v_began > v_noted then
        if v_status <> 'succeeded' then
            v_said := regexp_replace(split_part(btrim(v_said, E' \n'), E'\n', 1), '^[A-Z]+: *', '');
        elsif v_vacuumed >= coalesce(v_before, '-infinity') then
            v_said := null;
        else
            v_said := 'VACUUM skipped the table: somebody held it, or the login may not vacuum it (see the server''s log)';
        end if;
        perform core.record_run(
            'vacuum_queue', 'pg_cron', v_began, extract(epoch from v_ended - v_began), 0, false, null, null,
            case when v_said is not null then '38000' end, v_said
        );
        return true;
    end if;
    if v_vacuumed > v_noted and v_vacuumed > coalesce(v_ended, '-infinity') then
        perform core.record_run('vacuum_queue', 'pg_cron', v_vacuumed, 0, 0, false, null, null, null, null);
        return true;
    end if;
    return false;
end;
$$;

comment on function ops.record_vacuum() is
'Notes the last VACUUM of the queue table that pg_cron sent, well or not, unless it is noted already; whether it did.';
revoke all on function ops.record_vacuum() from public;

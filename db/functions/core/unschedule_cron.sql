-- core.unschedule_cron: takes our jobs from pg_cron in this database, but for those of p_keep that run as p_username
-- (names are unique to their login only), with pg_cron's records of their runs, which nobody would ever take away;
-- returns how many jobs. pg_cron has to be loaded.
create or replace function core.unschedule_cron(
    p_keep text[],
    p_username text
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count integer;
begin
    execute 'with gone as materialized (select j.jobid from cron.job as j'
        ' where starts_with(j.jobname, $1) and (j.jobname <> all($2) or j.username <> $3)),'
        ' runs as (delete from cron.job_run_details as d using gone as g where d.jobid = g.jobid)'
        ' select count(cron.unschedule(g.jobid)) from gone as g'
    into v_count using 'quire:' || current_database() || ':', p_keep, p_username;
    return v_count;
end;
$$;

comment on function core.unschedule_cron(text[], text) is
'Takes our jobs from pg_cron, but for some of one login, and the records of their runs; returns how many.';
revoke all on function core.unschedule_cron(text[], text) from public;

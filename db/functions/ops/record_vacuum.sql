-- ops.record_vacuum: notes a VACUUM of the queue table that pg_cron sent: its job can hold nothing else. Asked after
-- it, of the statistics, and once for each; returns whether there was one.
create or replace function ops.record_vacuum()
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_at constant timestamptz := pg_stat_get_last_vacuum_time('core.indexing_queue'::regclass);
begin
    if v_at is null or exists (
        select from ops.periodic_progress as p where p.task = 'vacuum_queue' and p.last_run_at >= v_at
    ) then
        return false;
    end if;
    perform core.record_run('vacuum_queue', 'pg_cron', v_at, 0, 0, false, null, null, null, null);
    return true;
end;
$$;

comment on function ops.record_vacuum() is
'Notes the last VACUUM of the queue table, sent by pg_cron, unless it is noted already; whether it did.';
revoke all on function ops.record_vacuum() from public;
grant execute on function ops.record_vacuum() to quire_worker;

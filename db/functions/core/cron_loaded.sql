-- core.cron_loaded: whether pg_cron's library is loaded: its settings are there, readable or not (only members of
-- pg_read_all_settings may read them). One that nobody has to set (since 1.6, the first for PostgreSQL 16)
-- is asked for: cron.database_name may be left in a configuration whose library is not loaded any more.
create or replace function core.cron_loaded()
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(current_setting('cron.launch_active_jobs', true), '') <> '';
exception
    when insufficient_privilege then
        return true;
end;
$$;

comment on function core.cron_loaded() is 'Whether pg_cron''s library is loaded.';
revoke all on function core.cron_loaded() from public;

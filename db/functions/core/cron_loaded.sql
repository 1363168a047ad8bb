-- core.cron_loaded: whether pg_cron's library is loaded: its setting is there, readable or not (only members of
-- pg_read_all_settings may read it).
create or replace function core.cron_loaded()
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(current_setting('cron.database_name', true), '') <> '';
exception
    when insufficient_privilege then
        return true;
end;
$$;

comment on function core.cron_loaded() is 'Whether pg_cron''s library is loaded.';
revoke all on function core.cron_loaded() from public;

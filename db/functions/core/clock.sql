-- core.clock: the time, asked for once a function and then kept in a variable.
-- Tests set quire.fake_now; nobody else does.
create or replace function core.clock()
returns timestamptz
language plpgsql
volatile
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(nullif(current_setting('quire.fake_now', true), '')::timestamptz, clock_timestamp());
end;
$$;

comment on function core.clock() is
'The time: clock_timestamp(), or the setting quire.fake_now where a test has set it.';
revoke all on function core.clock() from public;

-- core.is_time: whether a text is an RFC 3339 time that a timestamptz can hold.
create or replace function core.is_time(
    p_time text
)
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_time !~* '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$' then
        return false;
    end if;
    perform p_time::timestamptz;
    return true;
exception
    when data_exception then
        return false;
end;
$$;

comment on function core.is_time(text) is
'Whether a text is an RFC 3339 time.';
revoke all on function core.is_time(text) from public;

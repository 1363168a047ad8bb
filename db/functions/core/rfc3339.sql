-- core.rfc3339: a time as answers carry it: RFC 3339, UTC, microseconds, Z.
create or replace function core.rfc3339(
    p_time timestamptz
)
returns text
language sql
stable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select to_char(p_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;

comment on function core.rfc3339(timestamptz) is
'A time as RFC 3339 in UTC with Z, for JSON answers.';
revoke all on function core.rfc3339(timestamptz) from public;

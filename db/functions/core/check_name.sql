-- core.check_name: refuses what may not be a name: see core.is_name. PT422 invalid_value.
create or replace function core.check_name(
    p_name text
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not core.is_name(p_name) then
        raise exception 'a name has 1 to 200 characters, none of them a control character'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/name"}';
    end if;
end;
$$;

comment on function core.check_name(text) is
'Refuses what may not be a name. PT422 invalid_value.';
revoke all on function core.check_name(text) from public;

-- core.check_role: refuses what is no role of a member. PT422 invalid_value.
create or replace function core.check_role(
    p_role text
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_role is null or p_role not in ('viewer', 'editor', 'owner') then
        raise exception 'a role is viewer, editor or owner'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/role"}';
    end if;
end;
$$;

comment on function core.check_role(text) is
'Refuses what is no role of a member. PT422 invalid_value.';
revoke all on function core.check_role(text) from public;

-- core.check_operator: refuses an actor who is not an operator of the installation: whose token has not the scope
-- admin, is not valid any more or is another's. api.admit has seen the scope; this holds when somebody forgets to look.
-- PT403 operator_required.
create or replace function core.check_operator(
    p_actor uuid,
    p_token_id uuid
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if not core.is_operator(p_actor, p_token_id) then
        raise exception 'this is for operators: use a token with the scope admin'
            using errcode = 'PT403', constraint = 'operator_required', detail = '{"scope_required": "admin"}';
    end if;
end;
$$;

comment on function core.check_operator(uuid, uuid) is
'Refuses who has no valid token with scope admin. PT403 operator_required.';
revoke all on function core.check_operator(uuid, uuid) from public;

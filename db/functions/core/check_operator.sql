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
declare
    v_now constant timestamptz := core.clock();
begin
    perform 1
    from core.tokens as t
    where t.id = p_token_id and t.user_id = p_actor and 'admin' = any(t.scopes)
        and (t.revoked_at is null or t.revoked_at > v_now) and (t.expires_at is null or t.expires_at > v_now);
    if not found then
        raise exception 'this is for operators: use a token with the scope admin'
            using errcode = 'PT403', constraint = 'operator_required', detail = '{"scope_required": "admin"}';
    end if;
end;
$$;

comment on function core.check_operator(uuid, uuid) is
'Refuses who has no valid token with scope admin. PT403 operator_required.';
revoke all on function core.check_operator(uuid, uuid) from public;

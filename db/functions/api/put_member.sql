-- api.put_member: makes a user a member, or changes its role: p_body is {"role": ".."}; for owners and for operators.
-- created says that it was no member. PT404 workspace_not_found, user_not_found; PT403 role_required; PT409 last_owner;
-- PT400, PT413 and PT422 of core.read_members; PT422 invalid_value.
create or replace function api.put_member(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_user_id uuid,
    p_body text
)
returns table (created boolean, body text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body jsonb;
begin
    perform core.check_access(p_workspace_id, p_actor, p_token_id, 'owner');
    v_body := core.read_members(p_body, '{"role": "text"}', array['role']);
    perform core.check_role(v_body ->> 'role');
    perform core.check_user(p_user_id);
    created := ops.add_member(p_workspace_id, p_user_id, v_body ->> 'role', p_actor, p_token_id);
    body := core.member_body(p_workspace_id, p_user_id)::text;
    return next;
end;
$$;

comment on function api.put_member(uuid, uuid, uuid, uuid, text) is
'Makes a user a member of a workspace, or changes its role. Audited. PT404 workspace_not_found, user_not_found; PT403
role_required; PT409 last_owner; PT422 invalid_value.';
revoke all on function api.put_member(uuid, uuid, uuid, uuid, text) from public;
grant execute on function api.put_member(uuid, uuid, uuid, uuid, text) to quire_api;

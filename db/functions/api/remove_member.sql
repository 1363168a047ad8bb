-- api.remove_member: takes a user out of a workspace; for owners and for operators, and everybody may leave. Answers
-- the user's id. PT404 workspace_not_found, member_not_found; PT403 role_required; PT409 last_owner.
create or replace function api.remove_member(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_user_id uuid
)
returns table (user_id uuid)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_access(
        p_workspace_id, p_actor, p_token_id, case when p_user_id = p_actor then 'viewer' else 'owner' end
    );
    perform ops.remove_member(p_workspace_id, p_user_id, p_actor, p_token_id);
    return query select p_user_id;
end;
$$;

comment on function api.remove_member(uuid, uuid, uuid, uuid) is
'Takes a user out of a workspace. Audited. PT404 workspace_not_found, member_not_found; PT403 role_required; PT409
last_owner.';
revoke all on function api.remove_member(uuid, uuid, uuid, uuid) from public;
grant execute on function api.remove_member(uuid, uuid, uuid, uuid) to quire_api;

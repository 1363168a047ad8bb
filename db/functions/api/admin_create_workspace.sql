-- api.admin_create_workspace: a new workspace, for operators: p_body is {"name": "..", "owner": "<user id>"}; without
-- an owner it is the actor's. PT403 operator_required; PT404 user_not_found; PT400, PT413 and PT422 of
-- core.read_members.
create or replace function api.admin_create_workspace(
    p_actor uuid,
    p_token_id uuid,
    p_body text
)
returns table (workspace_id uuid, body text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body jsonb;
    v_owner uuid;
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.read_members(p_body, '{"name": "text", "owner": "uuid"}', array['name']);
    v_owner := coalesce((v_body ->> 'owner')::uuid, p_actor);
    perform core.check_user(v_owner);
    workspace_id := ops.create_workspace(v_body ->> 'name', v_owner, p_actor, p_token_id);
    body := core.workspace_body(workspace_id, p_actor)::text;
    return next;
end;
$$;

comment on function api.admin_create_workspace(uuid, uuid, text) is
'Makes a workspace with an owner, for operators. Audited. PT403 operator_required; PT404 user_not_found; PT422 of
core.read_members.';
revoke all on function api.admin_create_workspace(uuid, uuid, text) from public;
grant execute on function api.admin_create_workspace(uuid, uuid, text) to quire_api;

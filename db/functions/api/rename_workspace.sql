-- api.rename_workspace: gives a workspace another name: p_body is {"name": ".."}; for its owners and for operators.
-- Answers with the workspace. PT404 workspace_not_found; PT403 role_required; PT400, PT413 and PT422 of
-- core.read_members.
create or replace function api.rename_workspace(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_body text
)
returns table (body text)
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
    v_body := core.read_members(p_body, '{"name": "text"}', array['name']);
    perform ops.rename_workspace(p_workspace_id, v_body ->> 'name', p_actor, p_token_id);
    return query select core.workspace_body(p_workspace_id, p_actor)::text;
end;
$$;

comment on function api.rename_workspace(uuid, uuid, uuid, text) is
'Renames a workspace. Audited. PT404 workspace_not_found; PT403 role_required; PT422 of core.read_members.';
revoke all on function api.rename_workspace(uuid, uuid, uuid, text) from public;
grant execute on function api.rename_workspace(uuid, uuid, uuid, text) to quire_api;

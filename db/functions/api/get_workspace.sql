-- api.get_workspace: a workspace, to its members and to operators. PT404 workspace_not_found.
create or replace function api.get_workspace(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid
)
returns table (body text)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_access(p_workspace_id, p_actor, p_token_id, 'viewer');
    return query select core.workspace_body(p_workspace_id, p_actor)::text;
end;
$$;

comment on function api.get_workspace(uuid, uuid, uuid) is
'A workspace as JSON. PT404 workspace_not_found.';
revoke all on function api.get_workspace(uuid, uuid, uuid) from public;
grant execute on function api.get_workspace(uuid, uuid, uuid) to quire_api;

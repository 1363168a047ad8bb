-- api.get_member: a member of a workspace, to its members and to operators. PT404 workspace_not_found,
-- member_not_found.
create or replace function api.get_member(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_user_id uuid
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
    return query select core.member_body(p_workspace_id, p_user_id)::text;
end;
$$;

comment on function api.get_member(uuid, uuid, uuid, uuid) is
'A member of a workspace as JSON. PT404 workspace_not_found, member_not_found.';
revoke all on function api.get_member(uuid, uuid, uuid, uuid) from public;
grant execute on function api.get_member(uuid, uuid, uuid, uuid) to quire_api;

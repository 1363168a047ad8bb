-- core.check_member: refuses an actor who is not in the workspace, or whose role there is too low.
-- A workspace that is not there and one that is not the caller's are never told apart.
-- PT404 workspace_not_found; PT403 role_required.
create or replace function core.check_member(
    p_workspace_id uuid,
    p_actor uuid,
    p_role text
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_ranks constant text[] := array['viewer', 'editor', 'owner'];
    v_role text;
begin
    select members.role into v_role
    from core.workspace_members as members
    where members.workspace_id = p_workspace_id and members.user_id = p_actor;
    if v_role is null then
        raise exception 'no such workspace, or you are not a member of it'
            using errcode = 'PT404', constraint = 'workspace_not_found',
            detail = jsonb_build_object('workspace_id', p_workspace_id)::text;
    elsif array_position(v_ranks, v_role) < array_position(v_ranks, p_role) then
        raise exception 'this needs the role % in the workspace, yours is %: ask an owner', p_role, v_role
            using errcode = 'PT403', constraint = 'role_required',
            detail = jsonb_build_object('role_required', p_role, 'role', v_role)::text;
    end if;
end;
$$;

comment on function core.check_member(uuid, uuid, text) is
'Refuses an actor without the role (viewer, editor, owner) in the workspace.
PT404 workspace_not_found; PT403 role_required.';
revoke all on function core.check_member(uuid, uuid, text) from public;

-- ops.add_member: lets a user into a workspace, or changes the role it has there. 23503 when either does not exist,
-- 23514 for another role than viewer, editor or owner.
create or replace function ops.add_member(p_workspace_id uuid, p_user_id uuid, p_role text)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    insert into core.workspace_members as m (workspace_id, user_id, role, created_at)
    values (p_workspace_id, p_user_id, p_role, core.clock())
    on conflict (workspace_id, user_id) do update set role = excluded.role;
end;
$$;

comment on function ops.add_member(uuid, uuid, text) is
'Makes a user a viewer, editor or owner of a workspace; again changes the role. 23503 when either does not exist.';
revoke all on function ops.add_member(uuid, uuid, text) from public;

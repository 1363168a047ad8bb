-- core.check_owner_stays: refuses to take its role from the last owner of a workspace. Locks the workspace's row until
-- the transaction ends, so that of two owners who remove each other one stays; saves do not wait for it (they lock the
-- key). PT409 last_owner; PT404 workspace_not_found.
create or replace function core.check_owner_stays(
    p_workspace_id uuid,
    p_user_id uuid
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    perform from core.workspaces as w where w.id = p_workspace_id for no key update;
    if not found then
        raise exception 'there is no such workspace' using errcode = 'PT404', constraint = 'workspace_not_found',
            detail = jsonb_build_object('workspace_id', p_workspace_id)::text;
    elsif exists (
        select from core.workspace_members as m
        where m.workspace_id = p_workspace_id and m.user_id = p_user_id and m.role = 'owner'
    ) and not exists (
        select from core.workspace_members as m
        where m.workspace_id = p_workspace_id and m.user_id <> p_user_id and m.role = 'owner'
    ) then
        raise exception 'this is the last owner of the workspace: make another member an owner first'
            using errcode = 'PT409', constraint = 'last_owner',
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
end;
$$;

comment on function core.check_owner_stays(uuid, uuid) is
'Locks a workspace; refuses to take its role from its last owner. PT409 last_owner; PT404 workspace_not_found.';
revoke all on function core.check_owner_stays(uuid, uuid) from public;

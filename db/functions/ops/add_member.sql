-- ops.add_member: lets a user into a workspace, or changes the role it has there; true when it was no member. Audited,
-- unless nothing changes. The last owner stays one. 23503 when either does not exist; PT409 last_owner; PT422
-- invalid_value for another role than viewer, editor or owner.
create or replace function ops.add_member(
    p_workspace_id uuid,
    p_user_id uuid,
    p_role text,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_old text;
begin
    perform core.check_role(p_role);
    insert into core.workspace_members (workspace_id, user_id, role, created_at)
    values (p_workspace_id, p_user_id, p_role, core.clock())
    on conflict (workspace_id, user_id) do nothing;
    if found then
        perform core.write_audit(
            'members.add', p_workspace_id, jsonb_build_object('user_id', p_user_id, 'role', p_role), p_actor, p_token_id
        );
        return true;
    end if;
    -- Before its role is looked at: nobody else changes roles of this workspace from here on.
    perform from core.workspaces as w where w.id = p_workspace_id for no key update;
    select m.role into v_old
    from core.workspace_members as m
    where m.workspace_id = p_workspace_id and m.user_id = p_user_id;
    if v_old is null then
        -- removed between the two statements
        return ops.add_member(p_workspace_id, p_user_id, p_role, p_actor, p_token_id);
    elsif v_old <> p_role then
        perform core.check_owner_stays(p_workspace_id, p_user_id);
        update core.workspace_members as m set role = p_role
        where m.workspace_id = p_workspace_id and m.user_id = p_user_id;
        perform core.write_audit(
            'members.change', p_workspace_id,
            jsonb_build_object('user_id', p_user_id, 'role', p_role, 'old_role', v_old), p_actor, p_token_id
        );
    end if;
    return false;
end;
$$;

comment on function ops.add_member(uuid, uuid, text, uuid, uuid) is
'Makes a user a viewer, editor or owner of a workspace, or changes the role; true when it was no member. Audited.
23503 when either does not exist; PT409 last_owner; PT422 invalid_value.';
revoke all on function ops.add_member(uuid, uuid, text, uuid, uuid) from public;

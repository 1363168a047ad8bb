-- ops.remove_member: takes a user out of a workspace; its next request there finds no workspace. What it wrote stays.
-- Audited. PT404 workspace_not_found, member_not_found; PT409 last_owner.
create or replace function ops.remove_member(
    p_workspace_id uuid,
    p_user_id uuid,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns void
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_role text;
begin
    perform core.check_owner_stays(p_workspace_id, p_user_id);
    delete from core.workspace_members as m
    where m.workspace_id = p_workspace_id and m.user_id = p_user_id
    returning m.role into v_role;
    if v_role is null then
        perform core.member_body(p_workspace_id, p_user_id);  -- raises
    end if;
    perform core.write_audit(
        'members.remove', p_workspace_id, jsonb_build_object('user_id', p_user_id, 'role', v_role), p_actor, p_token_id
    );
end;
$$;

comment on function ops.remove_member(uuid, uuid, uuid, uuid) is
'Takes a user out of a workspace. Audited. PT404 workspace_not_found, member_not_found; PT409 last_owner.';
revoke all on function ops.remove_member(uuid, uuid, uuid, uuid) from public;

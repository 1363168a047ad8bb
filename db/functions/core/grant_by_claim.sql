-- core.grant_by_claim: makes a user a member of a workspace that its JWT names, unless it is one or the workspace is
-- not there. A role that it has is neither raised nor lowered: people decide that. Audited.
create or replace function core.grant_by_claim(
    p_workspace_id uuid,
    p_user_id uuid,
    p_role text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_workspace_id is null or p_role is null or exists (
        select from core.workspace_members as m where m.workspace_id = p_workspace_id and m.user_id = p_user_id
    ) or not exists (select from core.workspaces as w where w.id = p_workspace_id) then
        return;
    end if;
    insert into core.workspace_members (workspace_id, user_id, role, created_at)
    values (p_workspace_id, p_user_id, p_role, core.clock())
    on conflict (workspace_id, user_id) do nothing;
    if found then
        perform core.write_audit(
            'members.add', p_workspace_id, jsonb_build_object('user_id', p_user_id, 'role', p_role, 'by', 'claim'),
            p_user_id, null
        );
    end if;
end;
$$;

comment on function core.grant_by_claim(uuid, uuid, text) is
'Makes a user a member of a workspace that its JWT names. Audited.';
revoke all on function core.grant_by_claim(uuid, uuid, text) from public;

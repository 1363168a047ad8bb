-- core.check_access: refuses an actor who may not look after a workspace's members: has not the role there (as
-- core.check_member says it), and is no operator of the installation. An operator may in every workspace that there is;
-- one that is not there is answered as everybody is. PT404 workspace_not_found; PT403 role_required.
create or replace function core.check_access(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
    p_role text
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if core.is_operator(p_actor, p_token_id)
        and exists (select from core.workspaces as w where w.id = p_workspace_id) then
        return;
    end if;
    perform core.check_member(p_workspace_id, p_actor, p_role);
end;
$$;

comment on function core.check_access(uuid, uuid, uuid, text) is
'Refuses who has neither the role in a workspace nor a token of an operator. PT404 workspace_not_found; PT403
role_required.';
revoke all on function core.check_access(uuid, uuid, uuid, text) from public;

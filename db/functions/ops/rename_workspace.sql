-- ops.rename_workspace: gives a workspace another name. Audited, unless it has that name. PT404 workspace_not_found;
-- PT422 invalid_value.
create or replace function ops.rename_workspace(
    p_workspace_id uuid,
    p_name text,
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
    v_old text;
begin
    perform core.check_name(p_name);
    select w.name into v_old from core.workspaces as w where w.id = p_workspace_id for no key update;
    if not found then
        raise exception 'there is no such workspace' using errcode = 'PT404', constraint = 'workspace_not_found',
            detail = jsonb_build_object('workspace_id', p_workspace_id)::text;
    elsif v_old <> p_name then
        update core.workspaces as w set name = p_name where w.id = p_workspace_id;
        perform core.write_audit(
            'workspaces.rename', p_workspace_id, jsonb_build_object('name', p_name, 'old_name', v_old), p_actor,
            p_token_id
        );
    end if;
end;
$$;

comment on function ops.rename_workspace(uuid, text, uuid, uuid) is
'Renames a workspace. Audited. PT404 workspace_not_found; PT422 invalid_value.';
revoke all on function ops.rename_workspace(uuid, text, uuid, uuid) from public;

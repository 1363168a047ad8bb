-- ops.remove_reader: a database role sees a workspace no longer. Written into the audit log when it did.
create or replace function ops.remove_reader(p_workspace_id uuid, p_role_name text)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_found boolean;
begin
    delete from core.readers as r where r.workspace_id = p_workspace_id and r.role_name = p_role_name;
    v_found := found;
    if v_found then
        perform core.write_audit('readers.remove', p_workspace_id, jsonb_build_object('role', p_role_name), null, null);
    end if;
    return v_found;
end;
$$;

comment on function ops.remove_reader(uuid, text) is
'Takes a workspace from a role that read it by SQL; whether it did. The role itself may be gone.';
revoke all on function ops.remove_reader(uuid, text) from public;

-- ops.add_reader: lets a database role see a workspace by direct SQL. Written into the audit log when it is news.
-- PT404 role_not_found; PT422 role_not_analyst; 23503: no such workspace.
create or replace function ops.add_reader(p_workspace_id uuid, p_role_name text)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_role oid := (select r.oid from pg_roles as r where r.rolname = p_role_name);
    v_new boolean;
begin
    if v_role is null then
        raise exception 'there is no role %: create role .. login in role quire_analyst', p_role_name
            using errcode = 'PT404', constraint = 'role_not_found';
    elsif not pg_has_role(v_role, 'quire_analyst', 'usage') or pg_has_role(v_role, 'quire_owner', 'member') then
        raise exception 'the role % is not one of quire_analyst alone: grant quire_analyst to it', p_role_name
            using errcode = 'PT422', constraint = 'role_not_analyst';
    end if;
    insert into core.readers (workspace_id, role_name, created_at)
    values (p_workspace_id, p_role_name, core.clock())
    on conflict do nothing;
    v_new := found;
    if v_new then
        perform core.write_audit('readers.add', p_workspace_id, jsonb_build_object('role', p_role_name), null, null);
    end if;
    return v_new;
end;
$$;

comment on function ops.add_reader(uuid, text) is
'Lets a member of quire_analyst read a workspace by SQL; whether that is news. PT404 role_not_found; PT422
role_not_analyst; 23503 when the workspace does not exist.';
revoke all on function ops.add_reader(uuid, text) from public;

-- ops.create_workspace: a new workspace without pages; p_owner becomes its owner, without one ops.add_member gives it
-- people. Audited. 23503 unknown user; PT422 invalid_value.
create or replace function ops.create_workspace(
    p_name text,
    p_owner uuid default null,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns uuid
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_id uuid := core.new_id();
begin
    perform core.check_name(p_name);
    insert into core.workspaces (id, name, created_at) values (v_id, p_name, core.clock());
    perform core.write_audit(
        'workspaces.create', v_id, jsonb_build_object('name', p_name), p_actor, p_token_id
    );
    if p_owner is not null then
        perform ops.add_member(v_id, p_owner, 'owner', p_actor, p_token_id);
    end if;
    return v_id;
end;
$$;

comment on function ops.create_workspace(text, uuid, uuid, uuid) is
'Makes a workspace, with an owner where one is named, and returns its id; names may repeat. Audited. 23503 unknown
user; PT422 invalid_value.';
revoke all on function ops.create_workspace(text, uuid, uuid, uuid) from public;

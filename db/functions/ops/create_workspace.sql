-- ops.create_workspace: a new, empty workspace; ops.add_member gives it people.
create or replace function ops.create_workspace(p_name text)
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
    insert into core.workspaces (id, name, created_at) values (v_id, p_name, core.clock());
    return v_id;
end;
$$;

comment on function ops.create_workspace(text) is 'Makes an empty workspace and returns its id; names may repeat.';
revoke all on function ops.create_workspace(text) from public;

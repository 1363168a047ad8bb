-- ops.create_user: a person or machine that can own tokens. 23505 when the name is taken, 23514 when it is empty.
create or replace function ops.create_user(p_name text)
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
    insert into core.users (id, name, created_at) values (v_id, p_name, core.clock());
    return v_id;
end;
$$;

comment on function ops.create_user(text) is 'Makes a user and returns its id. 23505 when the name is taken.';
revoke all on function ops.create_user(text) from public;

-- ops.create_user: a person or machine that can own tokens. Audited. 23505 when the name is taken; PT422 invalid_value.
create or replace function ops.create_user(
    p_name text,
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
    insert into core.users (id, name, created_at) values (v_id, p_name, core.clock());
    perform core.write_audit(
        'users.create', null, jsonb_build_object('user_id', v_id, 'name', p_name), p_actor, p_token_id
    );
    return v_id;
end;
$$;

comment on function ops.create_user(text, uuid, uuid) is
'Makes a user and returns its id. Audited. 23505 when the name is taken; PT422 invalid_value.';
revoke all on function ops.create_user(text, uuid, uuid) from public;

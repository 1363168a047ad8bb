-- api.admin_create_user: a new user, for operators: p_body is {"name": ".."}. PT403 operator_required; PT409
-- user_exists; PT400, PT413 and PT422 of core.read_members.
create or replace function api.admin_create_user(
    p_actor uuid,
    p_token_id uuid,
    p_body text
)
returns table (body text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body jsonb;
    v_id uuid;
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.read_members(p_body, '{"name": "text"}', array['name']);
    if ops.find_user(v_body ->> 'name') is not null then
        raise exception 'there is a user of that name' using errcode = 'PT409', constraint = 'user_exists',
            detail = jsonb_build_object('user_id', ops.find_user(v_body ->> 'name'))::text;
    end if;
    v_id := ops.create_user(v_body ->> 'name', p_actor, p_token_id);
    return query
    select jsonb_build_object('id', u.id, 'name', u.name, 'created_at', core.rfc3339(u.created_at))::text
    from core.users as u
    where u.id = v_id;
end;
$$;

comment on function api.admin_create_user(uuid, uuid, text) is
'Makes a user, for operators. Audited. PT403 operator_required; PT409 user_exists; PT422 of core.read_members.';
revoke all on function api.admin_create_user(uuid, uuid, text) from public;
grant execute on function api.admin_create_user(uuid, uuid, text) to quire_api;

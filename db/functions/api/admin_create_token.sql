-- api.admin_create_token: registers a token that the service made, for operators: p_token_hash is its sha256, p_body
-- {"user_id": "..", "name": "..", "scopes": [".."], "expires_at": ".."}; name and expires_at may be left out. PT403
-- operator_required, scope_not_held; PT404 user_not_found; PT400, PT413 and PT422 of core.read_members; PT422
-- invalid_value, also of a time that is over.
create or replace function api.admin_create_token(
    p_actor uuid,
    p_token_id uuid,
    p_token_hash bytea,
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
    v_expires_at timestamptz;
    v_id uuid;
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.read_members(
        p_body, '{"user_id": "uuid", "name": "text", "scopes": "texts", "expires_at": "time"}',
        array['user_id', 'scopes']
    );
    v_expires_at := v_body ->> 'expires_at';
    if v_expires_at <= core.clock() then
        raise exception '/expires_at is over already'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/expires_at"}';
    end if;
    perform core.check_user((v_body ->> 'user_id')::uuid);
    v_id := ops.create_token(
        (v_body ->> 'user_id')::uuid, p_token_hash, coalesce(v_body ->> 'name', ''),
        array(select jsonb_array_elements_text(v_body -> 'scopes')), v_expires_at, p_actor, p_token_id
    );
    return query select core.token_body(t)::text from core.tokens as t where t.id = v_id;
end;
$$;

comment on function api.admin_create_token(uuid, uuid, bytea, text) is
'Registers a token by its sha256, for operators; its description as JSON. Audited. PT403 operator_required,
scope_not_held; PT404 user_not_found; PT422 invalid_value.';
revoke all on function api.admin_create_token(uuid, uuid, bytea, text) from public;
grant execute on function api.admin_create_token(uuid, uuid, bytea, text) to quire_api;

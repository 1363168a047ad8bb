-- api.admin_unblock_limit: see ops.unblock_limit; p_body: {"key": "..", "policy": ".."}, policy may be left out or
-- null. PT403 operator_required; PT400 of core.parse_body; PT404 policy_not_found; PT422 document_not_object,
-- unknown_member, member_missing, invalid_value.
create or replace function api.admin_unblock_limit(
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
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.parse_body(p_body, 2);
    if jsonb_typeof(v_body) <> 'object' then
        raise exception 'the body is an object: {"key": "..", "policy": ".."}'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    elsif v_body - '{key,policy}'::text[] <> '{}' then
        raise exception 'the body has the members key and policy and no other'
            using errcode = 'PT422', constraint = 'unknown_member', detail = '{"pointer": ""}';
    elsif not v_body ? 'key' then
        raise exception 'the member "key" is missing: a user''s name, or a key of /v1/limits/blocked'
            using errcode = 'PT422', constraint = 'member_missing', detail = '{"pointer": "/key"}';
    elsif jsonb_typeof(v_body -> 'key') <> 'string' then
        raise exception 'the key is a string' using errcode = 'PT422', constraint = 'invalid_value',
            detail = '{"pointer": "/key"}';
    elsif jsonb_typeof(coalesce(v_body -> 'policy', 'null')) not in ('string', 'null') then
        raise exception 'the policy is a string' using errcode = 'PT422', constraint = 'invalid_value',
            detail = '{"pointer": "/policy"}';
    end if;
    return query
    select jsonb_build_object(
        'unblocked', ops.unblock_limit(v_body ->> 'key', v_body ->> 'policy', p_actor, p_token_id)
    )::text;
end;
$$;

comment on function api.admin_unblock_limit(uuid, uuid, text) is
'Gives a user or key its points back, for operators. PT403 operator_required; PT404 policy_not_found.';
revoke all on function api.admin_unblock_limit(uuid, uuid, text) from public;
grant execute on function api.admin_unblock_limit(uuid, uuid, text) to quire_api;

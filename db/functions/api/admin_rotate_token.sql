-- api.admin_rotate_token: see ops.rotate_token; for operators. p_token_hash is the sha256 of the new token, p_body {}
-- or {"grace_seconds": 3600}. Answers with the new token's description. PT403 operator_required, scope_not_held; PT404
-- token_not_found; PT409 token_ended; PT400, PT413 and PT422 of core.read_members.
create or replace function api.admin_rotate_token(
    p_actor uuid,
    p_token_id uuid,
    p_rotated_token_id uuid,
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
    v_id uuid;
begin
    perform core.check_operator(p_actor, p_token_id);
    v_body := core.read_members(p_body, '{"grace_seconds": "seconds"}');
    v_id := ops.rotate_token(
        p_rotated_token_id, p_token_hash, make_interval(secs => coalesce((v_body ->> 'grace_seconds')::integer, 0)),
        p_actor, p_token_id
    );
    return query select core.token_body(t)::text from core.tokens as t where t.id = v_id;
end;
$$;

comment on function api.admin_rotate_token(uuid, uuid, uuid, bytea, text) is
'A new token in place of another, for operators; its description as JSON. Audited. PT403 operator_required,
scope_not_held; PT404 token_not_found; PT409 token_ended; PT422 of core.read_members.';
revoke all on function api.admin_rotate_token(uuid, uuid, uuid, bytea, text) from public;
grant execute on function api.admin_rotate_token(uuid, uuid, uuid, bytea, text) to quire_api;

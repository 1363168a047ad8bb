-- api.admin_revoke_token: see ops.revoke_token; for operators. revoked is false when it was so before. PT403
-- operator_required; PT404 token_not_found.
create or replace function api.admin_revoke_token(
    p_actor uuid,
    p_token_id uuid,
    p_revoked_token_id uuid
)
returns table (revoked boolean)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_operator(p_actor, p_token_id);
    perform core.find_token(p_revoked_token_id);
    return query select ops.revoke_token(p_revoked_token_id, p_actor, p_token_id);
end;
$$;

comment on function api.admin_revoke_token(uuid, uuid, uuid) is
'Revokes a token, for operators. Audited. PT403 operator_required; PT404 token_not_found.';
revoke all on function api.admin_revoke_token(uuid, uuid, uuid) from public;
grant execute on function api.admin_revoke_token(uuid, uuid, uuid) to quire_api;

-- core.is_operator: whether a token is its user's, valid, and has the scope admin. Who comes without a token (a JWT)
-- never is one: an identity provider does not make operators.
create or replace function core.is_operator(
    p_actor uuid,
    p_token_id uuid
)
returns boolean
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    return exists (
        select from core.tokens as t
        where t.id = p_token_id and t.user_id = p_actor and 'admin' = any(t.scopes)
            and (t.revoked_at is null or t.revoked_at > v_now) and (t.expires_at is null or t.expires_at > v_now)
    );
end;
$$;

comment on function core.is_operator(uuid, uuid) is
'Whether an actor''s token is valid and has the scope admin.';
revoke all on function core.is_operator(uuid, uuid) from public;

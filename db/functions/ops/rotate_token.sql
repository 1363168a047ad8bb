-- ops.rotate_token: a new token in place of another: same user, name, scopes and expiry; the old one is refused when
-- the grace (0 to 30 days) is over, or when it expires, whichever is sooner. Returns the new one's id. Audited, without
-- the hash. PT404 token_not_found; PT409 token_ended when the old one is revoked, rotated or expired already; PT422
-- invalid_value; PT403 scope_not_held; 23505 and 23514 of the hash.
create or replace function ops.rotate_token(
    p_token_id uuid,
    p_token_hash bytea,
    p_grace interval default '0',
    p_actor uuid default null,
    p_actor_token_id uuid default null
)
returns uuid
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_id uuid := core.new_id();
    v_old core.tokens;
begin
    if p_grace is null or p_grace < interval '0' or p_grace > interval '30 days' then
        raise exception 'the grace is 0 to 30 days'
            using errcode = 'PT422', constraint = 'invalid_value', detail = '{"pointer": "/grace_seconds"}';
    end if;
    v_old := core.live_token(p_token_id);
    perform core.check_scopes(v_old.scopes, p_actor, p_actor_token_id);
    insert into core.tokens (id, user_id, token_hash, name, scopes, created_at, expires_at)
    values (v_id, v_old.user_id, p_token_hash, v_old.name, v_old.scopes, v_now, v_old.expires_at);
    update core.tokens as t set revoked_at = v_now + p_grace where t.id = p_token_id;
    perform core.write_audit(
        'tokens.rotate', null,
        jsonb_build_object(
            'token_id', p_token_id, 'new_token_id', v_id, 'user_id', v_old.user_id,
            'grace_seconds', extract(epoch from p_grace)::integer
        ),
        p_actor, p_actor_token_id
    );
    return v_id;
end;
$$;

comment on function ops.rotate_token(uuid, bytea, interval, uuid, uuid) is
'A new token of the same user, name, scopes and expiry; the old one ends after the grace. Audited. PT404
token_not_found; PT409 token_ended; PT422 invalid_value; PT403 scope_not_held.';
revoke all on function ops.rotate_token(uuid, bytea, interval, uuid, uuid) from public;

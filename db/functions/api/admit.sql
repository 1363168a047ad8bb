-- api.admit: who is it, and is it within its limits. First call of every request, in a transaction of its own: inside
-- the save its row lock would be held across the flush, and a rollback would give the hit back.
-- Limits are answers, not errors. decision: unauthorized (unknown, expired or revoked token; nothing else is set),
-- bypassed (scope bypass_rate_limit), or one of core.decide_limit. p_policy NULL only authenticates: allowed.
-- PT400 cost_over_limit.
create or replace function api.admit(
    p_token_hash bytea,
    p_policy text,
    p_cost integer
)
returns table (
    decision text,
    user_id uuid,
    token_id uuid,
    scopes text[],
    policy text,
    points integer,
    remaining integer,
    window_seconds integer,
    reset_seconds integer,
    retry_after integer
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_token core.tokens;
    v_now timestamptz := core.clock();
begin
    select t.* into v_token from core.tokens as t where t.token_hash = p_token_hash;
    if not found or v_token.revoked_at <= v_now or v_token.expires_at <= v_now then
        decision := 'unauthorized';
        return next;
        return;
    end if;
    user_id := v_token.user_id;
    token_id := v_token.id;
    scopes := v_token.scopes;
    -- To the hour, and whoever comes second at the full hour does not wait: a hit shall not cost WAL.
    if v_token.last_used_at is null or v_token.last_used_at < date_trunc('hour', v_now, 'UTC') then
        update core.tokens as t set last_used_at = date_trunc('hour', v_now, 'UTC')
        where t.id = (select l.id from core.tokens as l where l.id = v_token.id for no key update skip locked);
    end if;
    if p_policy is null then
        decision := 'allowed';
    elsif 'bypass_rate_limit' = any (scopes) then
        decision := 'bypassed';
        policy := p_policy;
    else
        policy := p_policy;
        select d.decision, d.points, d.remaining, d.window_seconds, d.reset_seconds, d.retry_after
        into decision, points, remaining, window_seconds, reset_seconds, retry_after
        from core.decide_limit(p_policy, v_token.user_id, v_token.id, p_cost) as d;
    end if;
    return next;
end;
$$;

comment on function api.admit(bytea, text, integer) is
'Authenticates a token (sha256) and counts the request against a rate policy: first call of every request, on its own.
decision: unauthorized, allowed, limited, blocked, bypassed, observed, failed_open, failed_closed. PT400 cost_over_limit.';
revoke all on function api.admit(bytea, text, integer) from public;
grant execute on function api.admit(bytea, text, integer) to quire_api;

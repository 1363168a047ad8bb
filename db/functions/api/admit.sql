-- api.admit: who is it, and is it within its limits. First call of every request, in a transaction of its own: inside
-- the save its row lock would be held across the flush, and a rollback would give the hit back.
-- Limits are answers, not errors: rows of core.decide_limits, the one that decides first. p_policies NULL or empty only
-- authenticates: allowed. A token with bypass_rate_limit: one row, bypassed, nothing is counted.
-- A token that is unknown, expired or revoked counts against the policy anonymous, by peer, so that nobody tries out
-- tokens without end: unauthorized, or that policy's refusal, always with user_id NULL.
-- p_token_hash NULL: a request without a token, counted by its peer against the policies given.
-- PT400 cost_over_limit.
create or replace function api.admit(
    p_token_hash bytea,
    p_policies text[],
    p_costs integer[],
    p_workspace_id uuid,
    p_peer text
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
    retry_after integer,
    hit_at timestamptz
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
    if p_token_hash is not null then
        select t.* into v_token from core.tokens as t where t.token_hash = p_token_hash;
        if not found or v_token.revoked_at <= v_now or v_token.expires_at <= v_now then
            return query
            select
                case when d.decision in ('limited', 'blocked', 'failed_closed') then d.decision else 'unauthorized' end,
                null::uuid, null::uuid, null::text[], d.policy, d.points, d.remaining, d.window_seconds,
                d.reset_seconds, d.retry_after, d.hit_at
            from core.decide_limits(array['anonymous'], array[1], null, null, null, p_peer) as d;
            return;
        end if;
        -- To the hour, and whoever comes second at the full hour does not wait: a hit shall not cost WAL.
        if v_token.last_used_at is null or v_token.last_used_at < date_trunc('hour', v_now, 'UTC') then
            update core.tokens as t set last_used_at = date_trunc('hour', v_now, 'UTC')
            where t.id = (select l.id from core.tokens as l where l.id = v_token.id for no key update skip locked);
        end if;
    end if;
    if coalesce(cardinality(p_policies), 0) = 0 or 'bypass_rate_limit' = any (v_token.scopes) then
        decision := case when 'bypass_rate_limit' = any (v_token.scopes) then 'bypassed' else 'allowed' end;
        user_id := v_token.user_id;
        token_id := v_token.id;
        scopes := v_token.scopes;
        policy := p_policies[1];
        return next;
        return;
    end if;
    return query
    select
        d.decision, v_token.user_id, v_token.id, v_token.scopes, d.policy, d.points, d.remaining, d.window_seconds,
        d.reset_seconds, d.retry_after, d.hit_at
    from core.decide_limits(p_policies, p_costs, v_token.user_id, v_token.id, p_workspace_id, p_peer) as d;
end;
$$;

comment on function api.admit(bytea, text[], integer[], uuid, text) is
'Authenticates a token (sha256) and counts the request against rate policies: first call of every request, on its own.
decision: unauthorized, allowed, limited, blocked, bypassed, observed, failed_open, failed_closed. PT400 cost_over_limit.';
revoke all on function api.admit(bytea, text[], integer[], uuid, text) from public;
grant execute on function api.admit(bytea, text[], integer[], uuid, text) to quire_api;

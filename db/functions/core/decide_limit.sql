-- core.decide_limit: a policy's decision on one request: allowed, limited (this hit went over), blocked (the key was
-- over before), observed (a dry-run policy would have refused), or, when the bucket cannot be locked, failed_open or
-- failed_closed. A blocked key is answered by one index read: no lock, no write.
-- PT400 cost_over_limit. Seconds are whole and rounded up, so that a client that waits exactly that long gets in.
create or replace function core.decide_limit(p_policy text, p_user_id uuid, p_token_id uuid, p_cost integer)
returns table (
    decision text, points integer, remaining integer, window_seconds integer, reset_seconds integer, retry_after integer
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_policy core.rate_policies;
    v_window interval;
    v_block interval;
    v_key text;
    v_hit record;
    v_now timestamptz := core.clock();
    v_blocked_until timestamptz;
begin
    select p.* into v_policy from core.rate_policies as p where p.name = p_policy;
    if not found then
        raise exception 'there is no rate policy "%": add a row to core.rate_policies', p_policy;
    end if;
    if p_cost < 0 or p_cost > v_policy.points then
        raise exception 'the request costs % points, the policy "%" admits at most % at once',
            p_cost, p_policy, v_policy.points
            using errcode = 'PT400', constraint = 'cost_over_limit',
            detail = jsonb_build_object('cost', p_cost, 'limit', v_policy.points, 'policy', p_policy)::text;
    end if;
    v_key := case v_policy.per when 'user' then p_user_id when 'token' then p_token_id end;
    if v_key is null then
        raise exception 'policy "%" is per %, which requests are not counted by: use user or token', p_policy, v_policy.per;
    end if;
    v_window := make_interval(secs => v_policy.window_seconds);
    v_block := make_interval(secs => v_policy.block_seconds);
    points := v_policy.points;
    window_seconds := v_policy.window_seconds;

    select b.blocked_until into v_blocked_until
    from core.rate_buckets as b
    where b.policy = p_policy and b.key = v_key and core.is_blocked(b.blocked_until, v_now, v_window, v_block);
    if found then
        decision := case v_policy.mode when 'enforce' then 'blocked' else 'observed' end;
        remaining := 0;
        reset_seconds := ceil(extract(epoch from v_blocked_until - v_now));
        retry_after := reset_seconds;
        return next;
        return;
    end if;

    begin
        select h.* into strict v_hit from core.hit_limit(p_policy, v_key, p_cost, points, v_window, v_block) as h;
    exception
        when lock_not_available then
            decision := 'failed_' || v_policy.on_failure;
            return next;
            return;
    end;
    remaining := greatest(points - cardinality(v_hit.hits), 0);
    reset_seconds := greatest(coalesce(ceil(extract(epoch from v_hit.hits[1] + v_window - v_hit.hit_at)), 0), 0);
    decision := 'allowed';
    if not v_hit.ok then
        decision := case v_policy.mode when 'enforce' then 'limited' else 'observed' end;
        retry_after := ceil(extract(epoch from coalesce(
            v_hit.blocked_until, v_hit.hits[cardinality(v_hit.hits) + p_cost - points] + v_window
        ) - v_hit.hit_at));
    end if;
    return next;
end;
$$;

comment on function core.decide_limit(text, uuid, uuid, integer) is
'A rate policy''s decision on one request of a user and token. PT400 cost_over_limit.';
revoke all on function core.decide_limit(text, uuid, uuid, integer) from public;

-- core.take_limit: takes a request's points out of a bucket, if they fit: allowed, or limited (they do not; the key is
-- blocked if the policy blocks). Seconds are whole and rounded up, so that a client that waits exactly that long gets
-- in. 55P03 when the bucket cannot be locked in time.
create or replace function core.take_limit(
    p_policy core.rate_policies,
    p_key text,
    p_cost integer
)
returns core.limit_decision
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_window constant interval := make_interval(secs => p_policy.window_seconds);
    v_hit record;
    v_said core.limit_decision;
begin
    v_said.policy := p_policy.name;
    v_said.points := p_policy.points;
    v_said.window_seconds := p_policy.window_seconds;
    select h.* into strict v_hit
    from core.hit_limit(
        p_policy.name, p_key, p_cost, p_policy.points, v_window, make_interval(secs => p_policy.block_seconds)
    ) as h;
    v_said.remaining := greatest(p_policy.points - cardinality(v_hit.hits), 0);
    v_said.reset_seconds := greatest(coalesce(ceil(extract(epoch from v_hit.hits[1] + v_window - v_hit.hit_at)), 0), 0);
    if v_hit.ok then
        v_said.decision := 'allowed';
        v_said.hit_at := v_hit.hit_at;
    else
        v_said.decision := 'limited';
        v_said.retry_after := ceil(extract(epoch from coalesce(
            v_hit.blocked_until, v_hit.hits[cardinality(v_hit.hits) + p_cost - p_policy.points] + v_window
        ) - v_hit.hit_at));
    end if;
    return v_said;
end;
$$;

comment on function core.take_limit(core.rate_policies, text, integer) is
'Takes points out of a bucket of a policy, if they fit; what came of it. 55P03 when it cannot be locked in time.';
revoke all on function core.take_limit(core.rate_policies, text, integer) from public;

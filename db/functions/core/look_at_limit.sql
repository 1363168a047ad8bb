-- core.look_at_limit: what a policy would say of a request now, without a lock and without counting it: allowed,
-- limited (its points do not fit) or blocked (the key went over before). A refusal stands as it is read: points only
-- come back with time or a refund.
create or replace function core.look_at_limit(
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
    v_now constant timestamptz := core.clock();
    v_window constant interval := make_interval(secs => p_policy.window_seconds);
    v_hits timestamptz[];
    v_blocked_until timestamptz;
    v_gone integer;
    v_last integer;
    v_said core.limit_decision;
begin
    select b.hits, b.blocked_until into v_hits, v_blocked_until
    from core.rate_buckets as b
    where b.policy = p_policy.name and b.key = p_key;
    -- the log is in order: how many have left the window, and how many are not out of a future before a clock step
    v_gone := coalesce(width_bucket(v_now - v_window, v_hits), 0);
    v_last := coalesce(width_bucket(v_now, v_hits), 0);
    v_said.decision := 'allowed';
    v_said.policy := p_policy.name;
    v_said.points := p_policy.points;
    v_said.window_seconds := p_policy.window_seconds;
    v_said.remaining := greatest(p_policy.points - (v_last - v_gone), 0);
    v_said.reset_seconds := case when v_last > v_gone then
        ceil(extract(epoch from v_hits[v_gone + 1] + v_window - v_now)) else 0 end;
    if v_blocked_until is not null
        and core.is_blocked(v_blocked_until, v_now, v_window, make_interval(secs => p_policy.block_seconds)) then
        v_said.decision := 'blocked';
        v_said.remaining := 0;
        v_said.retry_after := ceil(extract(epoch from v_blocked_until - v_now));
        v_said.reset_seconds := v_said.retry_after;
    elsif v_last - v_gone + p_cost > p_policy.points then
        v_said.decision := 'limited';
        v_said.retry_after := coalesce(
            ceil(extract(epoch from v_hits[v_last + p_cost - p_policy.points] + v_window - v_now)),
            p_policy.window_seconds
        );
    end if;
    return v_said;
end;
$$;

comment on function core.look_at_limit(core.rate_policies, text, integer) is
'What a policy would say of a request of a key: reads the bucket, takes nothing.';
revoke all on function core.look_at_limit(core.rate_policies, text, integer) from public;

-- core.take_limit: one hit on a sliding log, decided and recorded in one UPSERT: allowed, or limited (it does not fit;
-- the key is blocked if the policy blocks). Exact under concurrency: the time is taken inside DO UPDATE, after the row
-- lock, so the timestamps of a key are monotone. A refused hit is not recorded; it sets blocked_until, late enough that
-- the same cost fits when the block ends. Seconds are whole and rounded up, so that a client that waits exactly that
-- long gets in. A clock that steps back forgets what lies in its future: windows start anew rather than last for the
-- step. The log is in order, so what is still in the window is a slice of it, found by bisection. All in one function,
-- as every save pays for it. Waits for the row as long as the caller's lock_timeout: 55P03 is for the caller, who knows
-- the policy's on_failure.
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
    v_points constant integer := p_policy.points;
    v_window constant interval := make_interval(secs => p_policy.window_seconds);
    v_block constant interval := make_interval(secs => p_policy.block_seconds);
    v_now constant timestamptz := core.clock();
    v_hits timestamptz[];
    v_blocked_until timestamptz;
    v_ok boolean;
    v_hit_at timestamptz;
begin
    insert into core.rate_buckets as b (policy, key, hits, blocked_until, ok, hit_at)
    values (p_policy.name, p_key, array_fill(v_now, array[p_cost]), null, true, v_now)
    on conflict on constraint rate_buckets_pk do update
    set (hits, blocked_until, ok, hit_at) = (
        select
            case when v.ok then l.live || array_fill(c.t, array[p_cost]) else l.live end,
            case
                when v.blocked then b.blocked_until
                when not v.ok and v_block > interval '0' then
                    -- The hits that have to leave before this cost fits: the oldest (live + cost - points).
                    greatest(c.t + v_block, l.live[cardinality(l.live) + p_cost - v_points] + v_window)
            end,
            v.ok,
            c.t
        from (select core.clock() as t) as c
        cross join lateral (
            -- offset 0: reckoned once
            select b.hits[width_bucket(c.t - v_window, b.hits) + 1:width_bucket(c.t, b.hits)] as live offset 0
        ) as l
        cross join lateral (
            select b.blocked_until is not null and core.is_blocked(b.blocked_until, c.t, v_window, v_block) as blocked
        ) as k
        cross join lateral (
            select k.blocked, not k.blocked and cardinality(l.live) + p_cost <= v_points as ok
        ) as v
    )
    returning b.hits, b.blocked_until, b.ok, b.hit_at into strict v_hits, v_blocked_until, v_ok, v_hit_at;
    return row(
        case when v_ok then 'allowed' else 'limited' end::text, p_policy.name, v_points,
        greatest(v_points - cardinality(v_hits), 0), p_policy.window_seconds,
        greatest(coalesce(ceil(extract(epoch from v_hits[1] + v_window - v_hit_at)), 0), 0)::integer,
        case when not v_ok then ceil(extract(epoch from coalesce(
            v_blocked_until, v_hits[cardinality(v_hits) + p_cost - v_points] + v_window
        ) - v_hit_at))::integer end,
        case when v_ok then v_hit_at end
    );
end;
$$;

comment on function core.take_limit(core.rate_policies, text, integer) is
'Takes points out of a bucket of a policy, if they fit; what came of it. 55P03 when it cannot be locked in time.';
revoke all on function core.take_limit(core.rate_policies, text, integer) from public;

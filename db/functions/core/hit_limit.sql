-- core.hit_limit: one hit on a sliding log, decided and recorded in one UPSERT. Exact under concurrency: the time is
-- taken inside DO UPDATE, after the row lock, so the timestamps of a key are monotone. A refused hit is not recorded;
-- it sets blocked_until, late enough that the same cost fits when the block ends (Retry-After is true).
-- A clock that steps back forgets what lies in its future: windows start anew rather than last for the step.
-- The log is in order, so what is still in the window is a slice of it, found by bisection. Waits for the row as long
-- as the caller's lock_timeout: 55P03 is for the caller, who knows the policy's on_failure.
create or replace function core.hit_limit(
    p_policy text,
    p_key text,
    p_cost integer,
    p_points integer,
    p_window interval,
    p_block interval
)
returns table (ok boolean, hits timestamptz[], blocked_until timestamptz, hit_at timestamptz)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now timestamptz := core.clock();
begin
    return query
    insert into core.rate_buckets as b (policy, key, hits, blocked_until, ok, hit_at)
    values (p_policy, p_key, array_fill(v_now, array[p_cost]), null, true, v_now)
    on conflict on constraint rate_buckets_pk do update
    set (hits, blocked_until, ok, hit_at) = (
        select
            case when v.ok then l.live || array_fill(c.t, array[p_cost]) else l.live end,
            case
                when v.blocked then b.blocked_until
                when not v.ok and p_block > interval '0' then
                    -- The hits that have to leave before this cost fits: the oldest (live + cost - points).
                    greatest(c.t + p_block, l.live[cardinality(l.live) + p_cost - p_points] + p_window)
            end,
            v.ok,
            c.t
        from (select core.clock() as t) as c
        cross join lateral (
            -- offset 0: reckoned once
            select b.hits[width_bucket(c.t - p_window, b.hits) + 1:width_bucket(c.t, b.hits)] as live offset 0
        ) as l
        cross join lateral (
            select b.blocked_until is not null and core.is_blocked(b.blocked_until, c.t, p_window, p_block) as blocked
        ) as k
        cross join lateral (
            select k.blocked, not k.blocked and cardinality(l.live) + p_cost <= p_points as ok
        ) as v
    )
    returning b.ok, b.hits, b.blocked_until, b.hit_at;
end;
$$;

comment on function core.hit_limit(text, text, integer, integer, interval, interval) is
'One hit on a sliding log: decides, records, returns the log. 55P03 when the row cannot be locked in time.';
revoke all on function core.hit_limit(text, text, integer, integer, interval, interval) from public;

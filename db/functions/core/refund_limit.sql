-- core.refund_limit: gives the points of one hit back: those that stand in the log under its time, at most its cost.
-- What has left the window or was given back before is not there any more, so nothing is freed twice. A block stays: it
-- was another request that went over. Returns how many came back.
create or replace function core.refund_limit(
    p_policy text,
    p_key text,
    p_cost integer,
    p_hit_at timestamptz
)
returns integer
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_points integer;
begin
    update core.rate_buckets as b
    set hits = (
        select b.hits[:f.first - 1] || b.hits[f.first + least(p_cost, width_bucket(p_hit_at, b.hits) - f.first + 1):]
        from (select array_position(b.hits, p_hit_at) as first) as f
    )
    where b.policy = p_policy and b.key = p_key and p_cost > 0 and p_hit_at = any(b.hits)
    returning p_cost into v_points;
    return coalesce(v_points, 0);
end;
$$;

comment on function core.refund_limit(text, text, integer, timestamptz) is
'Takes a hit, named by its time, out of a bucket''s log again; blocks stay. Returns the points, 0 when it is gone.';
revoke all on function core.refund_limit(text, text, integer, timestamptz) from public;

-- ops.purge_rate_buckets: takes buckets away that nobody used for an hour and that say nothing any more. Looks at
-- p_limit of them a call, in key order behind the bookmark that the last call returned (their only index is the key);
-- NULL begins anew. A bucket that a request holds is passed over, and one that it has just used stays.
create or replace function ops.purge_rate_buckets(
    p_bookmark jsonb,
    p_limit integer
)
returns table (rows integer, more boolean, bookmark jsonb)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_rate_buckets');
    v_policy constant text := coalesce(p_bookmark ->> 'policy', '');
    v_key constant text := coalesce(p_bookmark ->> 'key', '');
begin
    select jsonb_build_object('policy', s.policy, 'key', s.key) into bookmark
    from core.rate_buckets as s
    where (s.policy, s.key) > (v_policy, v_key)
    order by s.policy, s.key
    offset greatest(p_limit, 1) - 1
    limit 1;
    more := found;
    with slice as materialized (
        select s.policy, s.key
        from core.rate_buckets as s
        where (s.policy, s.key) > (v_policy, v_key)
        order by s.policy, s.key
        limit p_limit
    ),

    idle as (
        select b.policy, b.key
        from core.rate_buckets as b
        inner join slice as s on s.policy = b.policy and s.key = b.key
        -- asked again of a row that a request changed meanwhile
        where core.is_idle_bucket(b, v_floor)
        order by b.policy, b.key
        for update of b skip locked
    )

    delete from core.rate_buckets as b
    using idle as i
    where b.policy = i.policy and b.key = i.key;
    get diagnostics rows = row_count;
    return next;
end;
$$;

comment on function ops.purge_rate_buckets(jsonb, integer) is
'Takes idle rate buckets away, a slice of keys a call; returns how many, whether keys are left, and the bookmark.';
revoke all on function ops.purge_rate_buckets(jsonb, integer) from public;
grant execute on function ops.purge_rate_buckets(jsonb, integer) to quire_worker;

-- core.most_fresh: how many vectors of a model may be fresh, that is compared exactly by a search (all of one
-- workspace, should they be). 10 million numbers: some 26,000 vectors of 384 dimensions, which took 25 to 35 ms.
create or replace function core.most_fresh(
    p_dimensions integer
)
returns bigint
language sql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select 10000000::bigint / greatest(p_dimensions, 1);
$$;

comment on function core.most_fresh(integer) is
'Most vectors of that dimension that are compared exactly; beyond, new ones go into the approximate index at once.';
revoke all on function core.most_fresh(integer) from public;

-- core.estimate_rows: about how many rows a table has, without reading it: as the statistics count them, or as the last
-- VACUUM or ANALYZE did, whichever is more.
create or replace function core.estimate_rows(
    p_table oid
)
returns bigint
language sql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select greatest(c.reltuples::bigint, pg_stat_get_live_tuples(c.oid), 0)
    from pg_class as c
    where c.oid = p_table;
$$;

comment on function core.estimate_rows(oid) is
'About how many rows a table has, without reading it.';
revoke all on function core.estimate_rows(oid) from public;

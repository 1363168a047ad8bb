-- core.count_indexing: adds to a counter of the indexing queue. Last in its transaction: the row is shared by all
-- workers.
create or replace function core.count_indexing(
    p_name text,
    p_value bigint
)
returns void
language sql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    insert into core.indexing_counters as c (name, value)
    values (p_name, p_value)
    on conflict (name) do update set value = c.value + excluded.value;
$$;

comment on function core.count_indexing(text, bigint) is 'Adds to a cumulative counter of core.indexing_counters.';
revoke all on function core.count_indexing(text, bigint) from public;

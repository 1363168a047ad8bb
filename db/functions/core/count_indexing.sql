-- core.count_indexing: adds to a counter of the indexing queue. A row for each of sixteen processes and each minute of
-- the hour: workers that finish at one moment would wait for each other's commit at one row, and while somebody holds
-- an old snapshot each addition passes all dead versions of its row. Last in its transaction all the same.
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
    insert into core.indexing_counters as c (name, stripe, value)
    values (p_name, extract(minute from core.clock())::integer * 16 + pg_backend_pid() % 16, p_value)
    on conflict (name, stripe) do update set value = c.value + excluded.value;
$$;

comment on function core.count_indexing(text, bigint) is 'Adds to a cumulative counter of core.indexing_counters.';
revoke all on function core.count_indexing(text, bigint) from public;

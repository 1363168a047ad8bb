-- api.wake_indexing: after a save has committed (debounced, on a connection of its own): a drain job, unless one waits.
create or replace function api.wake_indexing()
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return core.defer_drain(0);
end;
$$;

comment on function api.wake_indexing() is
'Defers a job that drains the indexing queue unless one waits; whether it did.';
revoke all on function api.wake_indexing() from public;
grant execute on function api.wake_indexing() to quire_api;

-- indexing.wake: drains for the slots 0 to p_slots - 1, where none waits.
create or replace function indexing.wake(
    p_slots integer
)
returns integer
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
    select (count(*) filter (where core.defer_drain(s.slot)))::integer from generate_series(0, p_slots - 1) as s (slot);
$$;

comment on function indexing.wake(integer) is
'Defers drain jobs for that many slots, where none waits; returns how many.';
revoke all on function indexing.wake(integer) from public;
grant execute on function indexing.wake(integer) to quire_worker;

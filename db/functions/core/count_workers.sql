-- core.count_workers: worker processes that have reported within 30 seconds.
create or replace function core.count_workers(
    p_now timestamptz
)
returns integer
language sql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select count(*)::integer
    from core.indexing_workers as w
    where w.seen_at between p_now - interval '30 seconds' and p_now + interval '30 seconds';
$$;

comment on function core.count_workers(timestamptz) is 'Worker processes that have reported within 30 seconds.';
revoke all on function core.count_workers(timestamptz) from public;

-- ops.list_indexing_workers: the worker processes, for operators; alive: it reported within 30 seconds.
create or replace function ops.list_indexing_workers()
returns table (
    id uuid,
    host text,
    pid integer,
    alive boolean,
    started_at timestamptz,
    seen_at timestamptz,
    concurrency integer,
    models text[],
    done bigint
)
language sql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
    with clock as materialized (
        select core.clock() as at
    )
    select
        w.id, w.host, w.pid,
        w.seen_at between c.at - interval '30 seconds' and c.at + interval '30 seconds',
        w.started_at, w.seen_at, w.concurrency, w.models, w.done
    from core.indexing_workers as w
    cross join clock as c
    order by w.host, w.started_at, w.id;
$$;

comment on function ops.list_indexing_workers() is
'Worker processes: where, since when, last report, batches at once, models, entries worked on.';
revoke all on function ops.list_indexing_workers() from public;
grant execute on function ops.list_indexing_workers() to quire_monitor, quire_worker;

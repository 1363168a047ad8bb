-- core.preview_indexing_done: what ops.purge_indexing_done would take in all; rows of partitions are estimated.
create or replace function core.preview_indexing_done()
returns table (partitions bigint, rows bigint)
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_indexing_done');
begin
    select count(*), coalesce(sum(core.estimate_rows(d.id)), 0)
    into partitions, rows
    from core.done_days(v_floor) as d;
    rows := rows + (select count(*) from core.indexing_done_default as d where d.processed_at < v_floor);
    return next;
end;
$$;

comment on function core.preview_indexing_done() is
'Partitions and rows (estimated) that ops.purge_indexing_done would take.';
revoke all on function core.preview_indexing_done() from public;

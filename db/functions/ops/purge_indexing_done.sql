-- ops.purge_indexing_done: retention of finished entries: 7 days. Drops daily partitions that ended by then, and
-- deletes from the default partition (empty while partitions are made in time) up to p_limit rows a call. Returns the
-- number of partitions, an estimate of their rows (reading them would cost more than the drop) and the rows deleted.
-- A drop waits at most 0.3 s for its lock, for acks wait behind it.
create or replace function ops.purge_indexing_done(
    p_limit integer default 10000
)
returns table (partitions integer, dropped_rows bigint, rows integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '300ms'
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_indexing_done');
    v_day record;
    v_rows bigint;
begin
    partitions := 0;
    dropped_rows := 0;
    for v_day in select d.* from core.done_days(v_floor) as d loop
        v_rows := core.estimate_rows(v_day.id);
        begin
            execute format('drop table core.%I', v_day.name);
            partitions := partitions + 1;
            dropped_rows := dropped_rows + v_rows;
        exception
            when lock_not_available then
                raise warning 'core.% is old but in use; it is dropped at the next call', v_day.name;
                exit;  -- the lock on their parent is missing, and the next one would wait as long
        end;
    end loop;
    delete from core.indexing_done_default as d
    where d.ctid = any(array(
        select o.ctid from core.indexing_done_default as o where o.processed_at < v_floor limit p_limit
    ));
    get diagnostics rows = row_count;
    return next;
end;
$$;

comment on function ops.purge_indexing_done(integer) is
'Drops finished entries older than 7 days: whole daily partitions, and rows of the default one.';
revoke all on function ops.purge_indexing_done(integer) from public;
grant execute on function ops.purge_indexing_done(integer) to quire_worker;

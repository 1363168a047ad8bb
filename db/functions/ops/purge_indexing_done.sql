-- ops.purge_indexing_done: retention of finished entries: 7 days. Drops daily partitions that ended by then, and
-- deletes from the default partition (empty while partitions are made in time) up to 10,000 rows a call. Returns both
-- counts.
create or replace function ops.purge_indexing_done()
returns table (partitions integer, rows integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_floor constant timestamptz := core.clock() - interval '7 days';
    v_name text;
begin
    partitions := 0;
    for v_name in
        select c.relname
        from pg_inherits as i
        inner join pg_class as c on c.oid = i.inhrelid
        where i.inhparent = 'core.indexing_done'::regclass
            and c.relname ~ '^indexing_done_p[0-9]{8}$'
            and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= v_floor
        order by c.relname
    loop
        begin
            execute format('drop table core.%I', v_name);
            partitions := partitions + 1;
        exception
            when lock_not_available then
                raise warning 'core.% is old but in use; it is dropped at the next call', v_name;
        end;
    end loop;
    delete from core.indexing_done_default as d
    where d.ctid = any(array(
        select o.ctid from core.indexing_done_default as o where o.processed_at < v_floor limit 10000
    ));
    get diagnostics rows = row_count;
    return next;
end;
$$;

comment on function ops.purge_indexing_done() is
'Drops finished entries older than 7 days: whole daily partitions, and rows of the default one.';
revoke all on function ops.purge_indexing_done() from public;
grant execute on function ops.purge_indexing_done() to quire_worker;

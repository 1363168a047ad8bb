-- core.done_days: daily partitions of core.indexing_done that ended by a time, oldest first.
create or replace function core.done_days(
    p_before timestamptz
)
returns table (name text, id oid)
language sql
stable
parallel unsafe
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $$
    select c.relname::text, c.oid
    from pg_inherits as i
    inner join pg_class as c on c.oid = i.inhrelid
    where i.inhparent = 'core.indexing_done'::regclass and c.relname ~ '^indexing_done_p[0-9]{8}$'
        and (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp at time zone 'UTC' <= p_before
    order by c.relname;
$$;

comment on function core.done_days(timestamptz) is
'Daily partitions of core.indexing_done that ended by a time.';
revoke all on function core.done_days(timestamptz) from public;

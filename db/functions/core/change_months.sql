-- core.change_months: the months (their beginnings, UTC) before a time of which the log of pages has a partition, or
-- rows in the default one, oldest first.
create or replace function core.change_months(
    p_before timestamptz
)
returns setof timestamptz
language plpgsql
stable
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select found.month
        from (
            select to_date(right(c.relname, 6), 'YYYYMM')::timestamp at time zone 'UTC'
            from pg_inherits as i
            inner join pg_class as c on c.oid = i.inhrelid
            where i.inhparent = 'core.page_changes'::regclass and c.relname ~ '^page_changes_p[0-9]{6}$'
            union
            select date_trunc('month', strays.at, 'UTC')
            from core.page_changes_default as strays
            where strays.at < p_before
        ) as found (month)
        where found.month < p_before
        order by found.month;
end;
$$;

comment on function core.change_months(timestamptz) is
'The months before a time that the log of pages has, oldest first.';
revoke all on function core.change_months(timestamptz) from public;

-- core.preview_page_history: what ops.purge_page_history would take in all, if every page in it can be covered by a
-- snapshot; rows of partitions are estimated.
create or replace function core.preview_page_history()
returns table (partitions bigint, rows bigint)
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := date_trunc('month', core.retention_floor('purge_page_history'), 'UTC');
begin
    select count(*), coalesce(sum(coalesce(core.estimate_rows(c.oid), 0)), 0)
    into partitions, rows
    from core.change_months(v_floor) as m (month)
    left join pg_class as c
        on c.oid = to_regclass('core.page_changes_p' || to_char(m.month at time zone 'UTC', 'YYYYMM'));
    rows := rows + (select count(*) from core.page_changes_default as d where d.at < v_floor);
    return next;
end;
$$;

comment on function core.preview_page_history() is
'Months and rows (estimated) that ops.purge_page_history would take.';
revoke all on function core.preview_page_history() from public;

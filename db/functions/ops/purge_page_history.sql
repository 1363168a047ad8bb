-- ops.purge_page_history: retention of the log: 90 days. Takes whole months that ended by then, the oldest first, and
-- each only when of every page in it a snapshot covers all its versions there (has the last of them, or a later one);
-- the missing ones are made first, up to p_limit a call. A month that cannot be covered, because a page's history is
-- damaged, stays with a warning, and so do all after it: the log loses nothing but its old end. Named versions get
-- their snapshots first. Returns how many months went and snapshots were made, and an estimate of the rows that went;
-- call again while any were made.
create or replace function ops.purge_page_history(
    p_limit integer
)
returns table (months integer, snapshots integer, gone bigint)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '2s'
as $$
declare
    v_floor constant timestamptz := date_trunc('month', core.retention_floor('purge_page_history'), 'UTC');
    v_month timestamptz;
    v_page record;
    v_rows bigint;
begin
    months := 0;
    snapshots := 0;
    gone := 0;
    for v_page in
        select names.workspace_id, names.page_id, names.version
        from core.page_names as names
        where not exists (
            select from core.page_snapshots as made
            where made.workspace_id = names.workspace_id and made.page_id = names.page_id
                and made.version = names.version
        )
        order by names.workspace_id, names.page_id, names.version
        limit p_limit
    loop
        snapshots := snapshots
            + core.make_snapshot(v_page.workspace_id, v_page.page_id, v_page.version)::integer;
    end loop;
    for v_month in select core.change_months(v_floor) loop
        for v_page in select * from core.uncovered_pages(v_month, p_limit - snapshots) loop
            if not core.make_snapshot(v_page.workspace_id, v_page.page_id, v_page.version) then
                raise warning 'page %: version % cannot be had, so the log is kept from % on: run `quire verify`',
                    v_page.page_id, v_page.version, v_month;
                return next;
                return;
            end if;
            snapshots := snapshots + 1;
        end loop;
        v_rows := coalesce(core.estimate_rows(
            to_regclass('core.page_changes_p' || to_char(v_month at time zone 'UTC', 'YYYYMM'))
        ), 0);
        if snapshots >= p_limit or not core.drop_change_month(v_month) then
            exit;
        end if;
        months := months + 1;
        gone := gone + v_rows;
    end loop;
    return next;
end;
$$;

comment on function ops.purge_page_history(integer) is
'Takes whole months older than 90 days off the log of pages, once snapshots cover their pages; makes those, too.';
revoke all on function ops.purge_page_history(integer) from public;
grant execute on function ops.purge_page_history(integer) to quire_worker;

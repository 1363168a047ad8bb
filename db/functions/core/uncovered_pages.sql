-- core.uncovered_pages: pages with changes in a month of the log that no snapshot covers, at most p_limit, each with
-- the version to make a snapshot of: its last one in that month. A page that is gone for good needs none.
create or replace function core.uncovered_pages(
    p_month timestamptz,
    p_limit integer
)
returns table (workspace_id uuid, page_id uuid, version bigint)
language plpgsql
stable
security invoker
rows 10
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select latest.workspace_id, latest.page_id, latest.version
        from (
            select changes.workspace_id, changes.page_id, max(changes.version) as version
            from core.page_changes as changes
            where changes.at >= p_month
                and changes.at < (p_month at time zone 'UTC' + interval '1 month') at time zone 'UTC'
            group by changes.workspace_id, changes.page_id
        ) as latest
        inner join core.pages on latest.workspace_id = pages.workspace_id and latest.page_id = pages.id
        where not exists (
            select from core.page_snapshots as snapshots
            where snapshots.workspace_id = latest.workspace_id and snapshots.page_id = latest.page_id
                and snapshots.version >= latest.version
        )
        order by latest.workspace_id, latest.page_id
        limit p_limit;
end;
$$;

comment on function core.uncovered_pages(timestamptz, integer) is
'Pages with changes in a month of the log that no snapshot covers, and the version to make one of.';
revoke all on function core.uncovered_pages(timestamptz, integer) from public;

-- ops.thin_page_snapshots: retention of snapshots: all for 90 days, then of each month (UTC) the newest of a page, for
-- as long as the page is there; those of named versions always. A slice of pages a call, in key order behind the last
-- one; no row: the end is reached.
create or replace function ops.thin_page_snapshots(
    p_after_workspace_id uuid,
    p_after_page_id uuid,
    p_pages integer
)
returns table (workspace_id uuid, page_id uuid, removed integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_floor constant timestamptz := core.retention_floor('thin_page_snapshots');
    v_workspace_id uuid;
    v_page_id uuid;
begin
    select s.workspace_id, s.id
    into v_workspace_id, v_page_id
    from (
        select p.workspace_id, p.id
        from core.pages as p
        where (p.workspace_id, p.id) > (p_after_workspace_id, p_after_page_id)
        order by p.workspace_id, p.id
        limit p_pages
    ) as s
    order by s.workspace_id desc, s.id desc
    limit 1;
    if not found then
        return;
    end if;
    with thinned as (
        select s.workspace_id, s.page_id, s.version
        from core.page_snapshots as s
        where (s.workspace_id, s.page_id, s.version) in (
            select spare.workspace_id, spare.page_id, spare.version
            from core.spare_snapshots(
                v_floor, p_after_workspace_id, p_after_page_id, v_workspace_id, v_page_id
            ) as spare
        )
        order by s.workspace_id, s.page_id, s.version
        for update skip locked
    )

    delete from core.page_snapshots as s
    using thinned as t
    where s.workspace_id = t.workspace_id and s.page_id = t.page_id and s.version = t.version;
    get diagnostics removed = row_count;
    workspace_id := v_workspace_id;
    page_id := v_page_id;
    return next;
end;
$$;

comment on function ops.thin_page_snapshots(uuid, uuid, integer) is
'Removes snapshots older than 90 days of the next pages after a key, but one a month and named ones; returns the last
page looked at.';
revoke all on function ops.thin_page_snapshots(uuid, uuid, integer) from public;
grant execute on function ops.thin_page_snapshots(uuid, uuid, integer) to quire_worker;

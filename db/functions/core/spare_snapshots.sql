-- core.spare_snapshots: snapshots older than a time that retention may take: of each month (UTC) all of a page but its
-- newest, named versions never. Of pages after one key up to another.
create or replace function core.spare_snapshots(
    p_before timestamptz,
    p_after_workspace_id uuid default '00000000-0000-0000-0000-000000000000',
    p_after_page_id uuid default '00000000-0000-0000-0000-000000000000',
    p_to_workspace_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff',
    p_to_page_id uuid default 'ffffffff-ffff-ffff-ffff-ffffffffffff'
)
returns table (workspace_id uuid, page_id uuid, version bigint)
language sql
stable
parallel unsafe
security invoker
rows 100
set search_path = pg_catalog, pg_temp
as $$
    select s.workspace_id, s.page_id, s.version
    from core.page_snapshots as s
    where (s.workspace_id, s.page_id) > (p_after_workspace_id, p_after_page_id)
        and (s.workspace_id, s.page_id) <= (p_to_workspace_id, p_to_page_id)
        and s.at < p_before
        and exists (
            select from core.page_snapshots as newer
            where newer.workspace_id = s.workspace_id and newer.page_id = s.page_id and newer.version > s.version
                and newer.at < p_before
                and date_trunc('month', newer.at, 'UTC') = date_trunc('month', s.at, 'UTC')
        )
        and not exists (
            select from core.page_names as n
            where n.workspace_id = s.workspace_id and n.page_id = s.page_id and n.version = s.version
        );
$$;

comment on function core.spare_snapshots(timestamptz, uuid, uuid, uuid, uuid) is
'Snapshots that retention may take, of pages after one key up to another.';
revoke all on function core.spare_snapshots(timestamptz, uuid, uuid, uuid, uuid) from public;

-- core.check_snapshots: the versions of a page whose snapshots are not what their hash says, or not what the log
-- recorded of that version.
create or replace function core.check_snapshots(
    p_workspace_id uuid,
    p_page_id uuid
)
returns setof bigint
language plpgsql
stable
security invoker
rows 1
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select snapshots.version
        from core.page_snapshots as snapshots
        left join core.page_changes as changes
            on changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
                and changes.version = snapshots.version
        cross join lateral (
            select array(select jsonb_array_elements(snapshots.document -> 'blocks')) as blocks
        ) as documents
        where snapshots.workspace_id = p_workspace_id and snapshots.page_id = p_page_id and (
            snapshots.content_hash <> changes.content_hash
            or cardinality(documents.blocks) <> cardinality(snapshots.block_order)
            or snapshots.content_hash
            <> core.page_hash(snapshots.document - 'blocks', snapshots.block_order, documents.blocks)
        )
        order by snapshots.version;
end;
$$;

comment on function core.check_snapshots(uuid, uuid) is
'The versions of a page whose snapshots are damaged.';
revoke all on function core.check_snapshots(uuid, uuid) from public;

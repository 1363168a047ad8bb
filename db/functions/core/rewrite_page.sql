-- core.rewrite_page: makes the rows of a locked page what they should be (a state that core.page_state has proved), as
-- a version of kind repair: what clients have read as the version before was damaged, so it needs another ETag. In the
-- log, where the damage never was, nothing changes. Blocks that were damaged get the new version as theirs and are
-- indexed again. Returns the version.
create or replace function core.rewrite_page(
    p_page core.pages,
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[],
    p_content_hash numeric
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_version constant bigint := p_page.version + 1;
    v_gone integer[];
    v_written integer[];
begin
    -- all of them first: a damaged row may have the id of another
    with gone as (
        delete from core.blocks
        where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and not exists (
            select from unnest(p_order, p_blocks) as given (no, block)
            where given.no = blocks.no and given.block
                = jsonb_build_object('id', blocks.id, 'type', blocks.type, 'data', blocks.data)
        )
        returning blocks.no
    )

    select coalesce(array_agg(gone.no order by gone.no), '{}') into v_gone from gone;
    with written as (
        insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
        select
            p_page.workspace_id, p_page.id, given.no, given.block ->> 'id', given.block ->> 'type',
            given.block -> 'data', v_version
        from unnest(p_order, p_blocks) as given (no, block)
        order by given.no
        on conflict (workspace_id, page_id, no) do nothing
        returning no
    )

    select coalesce(array_agg(written.no order by written.no), '{}') into v_written from written;
    perform set_config('quire.saving', p_page.id || ':' || v_version, true);
    update core.pages
    set
        title = p_head ->> 'title', properties = p_head -> 'properties', block_order = p_order,
        next_block_no = greatest(next_block_no, (select max(places.no) + 1 from unnest(p_order) as places (no))),
        version = v_version, content_hash = p_content_hash, updated_at = v_now, updated_by = null,
        edited_minute = date_trunc('minute', v_now, 'UTC')
    where pages.workspace_id = p_page.workspace_id and pages.id = p_page.id;
    perform set_config('quire.saving', '', true);
    insert into core.page_changes (
        workspace_id, page_id, version, at, base_version, actor, kind, ops, undo, touched, content_hash
    )
    values (
        p_page.workspace_id, p_page.id, v_version, v_now, p_page.version, null, 'repair', '[]', '{"blocks": {}}', '[]',
        p_content_hash
    );
    insert into core.page_snapshots_due (workspace_id, page_id, version)
    values (p_page.workspace_id, p_page.id, v_version)
    on conflict do nothing;
    perform core.enqueue_blocks(
        p_page.workspace_id, p_page.id, case when p_page.deleted_at is null then 0 || v_written else '{}' end,
        array(select unnest(v_gone) except select unnest(v_written)), 100::smallint
    );
    return v_version;
end;
$$;

comment on function core.rewrite_page(core.pages, jsonb, integer[], jsonb[], numeric) is
'Makes the rows of a locked page what its history says, as a version of kind repair; returns the version.';
revoke all on function core.rewrite_page(core.pages, jsonb, integer[], jsonb[], numeric) from public;

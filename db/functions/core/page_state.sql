-- core.page_state: what a page was at a version that it has had; NULL blocks where no way leads there. Ways begin at a
-- snapshot, at the page as it is (p_live), or at nothing, the cheapest first; from above they go back by pre-images
-- (core.undo_state), from below forward by operations (core.redo_state: a step costs some 20 times as much, measured on
-- 1,000 blocks). One whose end has not the content hash that the log recorded is not believed, and the next is tried;
-- without a recorded hash its beginning must have its own.
create or replace function core.page_state(
    p_workspace_id uuid,
    p_page_id uuid,
    p_version bigint,
    p_live boolean,
    out head jsonb,
    out block_order integer[],
    out blocks jsonb[],
    out content_hash numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
    v_recorded numeric;
    v_base record;
begin
    select pages.* into v_page from core.pages where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    select coalesce(min(changes.content_hash), case when p_version = v_page.version then v_page.content_hash end)
    into v_recorded
    from core.page_changes as changes
    where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id and changes.version = p_version;
    for v_base in
        select bases.version, bases.document, bases.block_order, bases.content_hash
        from (
            select snapshots.version, snapshots.document, snapshots.block_order, snapshots.content_hash, 1 as rank
            from core.page_snapshots as snapshots
            where snapshots.workspace_id = p_workspace_id and snapshots.page_id = p_page_id
            union all
            select v_page.version, null, null, coalesce(changes.content_hash, v_page.content_hash), 0
            from (values (1)) as live (place)
            left join core.page_changes as changes
                on changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
                    and changes.version = v_page.version
            where p_live
            union all
            select 0, '{"title": "", "properties": {}, "blocks": []}', '{}', null, 2
        ) as bases
        order by
            case
                when bases.version < p_version then (p_version - bases.version) * 20
                else bases.version - p_version
            end,
            bases.rank, bases.version desc
    loop
        if v_base.document is null then
            head := jsonb_build_object('title', v_page.title, 'properties', v_page.properties);
            block_order := v_page.block_order;
            blocks := array(
                select case when places.block ->> 'id' is not null then places.block end
                from core.draft_blocks(p_workspace_id, p_page_id, block_order, '{}', '{}') as places
                order by places.place
            );
        else
            head := v_base.document - 'blocks';
            block_order := v_base.block_order;
            blocks := array(select jsonb_array_elements(v_base.document -> 'blocks'));
        end if;
        continue when cardinality(block_order) <> cardinality(blocks) or array_position(blocks, null) is not null
            or (v_recorded is null and core.page_hash(head, block_order, blocks) <> v_base.content_hash);
        if v_base.version < p_version then
            select redone.* into head, block_order, blocks
            from core.redo_state(p_workspace_id, p_page_id, v_base.version, p_version, head, block_order, blocks)
                as redone;
        elsif v_base.version > p_version then
            select undone.* into head, block_order, blocks
            from core.undo_state(p_workspace_id, p_page_id, v_base.version, p_version, head, block_order, blocks)
                as undone;
        end if;
        content_hash := case when blocks is not null then core.page_hash(head, block_order, blocks) end;
        exit when content_hash = coalesce(v_recorded, content_hash);
        blocks := null;
    end loop;
end;
$$;

comment on function core.page_state(uuid, uuid, bigint, boolean) is
'What a page was at a version, by the nearest snapshot or the page as it is, and the log; NULL blocks where no way
leads there.';
revoke all on function core.page_state(uuid, uuid, bigint, boolean) from public;

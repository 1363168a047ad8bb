-- core.write_version: makes a checked draft (core.apply_operations) the next version of its locked page: block rows
-- that changed and no others, the page row, the log, the indexing queue. Returns the version; the old one, and nothing
-- is written, where the draft is what the page is already.
-- Locks rows of one page only, under the lock of the page row, so no two saves can wait for each other.
create or replace function core.write_version(
    p_page core.pages,
    p_actor uuid,
    p_kind text,
    p_base_version bigint,
    p_head jsonb,
    p_order integer[],
    p_next_block_no integer,
    p_nos integer[],
    p_olds jsonb[],
    p_blocks jsonb[],
    p_ops jsonb[],
    p_priority smallint
)
returns bigint
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_version constant bigint := p_page.version + 1;
    v_now constant timestamptz := core.clock();
    v_title_changed constant boolean := p_head ->> 'title' <> p_page.title;
    v_properties_changed constant boolean := p_head -> 'properties' <> p_page.properties;
    v_order_changed constant boolean := p_order <> p_page.block_order;
    v_changed integer[];
    v_removed integer[];
    v_undo jsonb;
begin
    select
        coalesce(array_agg(draft.no order by draft.no) filter (where places.no is not null), '{}'),
        coalesce(array_agg(draft.no order by draft.no) filter (where places.no is null), '{}'),
        coalesce(jsonb_object_agg(draft.no, draft.old), '{}')
    into v_changed, v_removed, v_undo
    from unnest(p_nos, p_olds, p_blocks) as draft (no, old, block)
    left join unnest(p_order) as places (no) on draft.no = places.no
    where case when places.no is null then draft.old is not null else draft.old is distinct from draft.block end;
    if not (v_title_changed or v_properties_changed or v_order_changed) and v_changed = '{}' then
        return p_page.version;
    end if;

    delete from core.blocks
    where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.no = any(v_removed);
    update core.blocks
    set type = draft.block ->> 'type', data = draft.block -> 'data', ver = v_version
    from unnest(p_nos, p_olds, p_blocks) as draft (no, old, block)
    where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.no = draft.no
        and draft.old <> draft.block;
    insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
    select
        p_page.workspace_id, p_page.id, draft.no, draft.block ->> 'id', draft.block ->> 'type',
        draft.block -> 'data', v_version
    from unnest(p_nos, p_olds, p_blocks) as draft (no, old, block)
    inner join unnest(p_order) with ordinality as places (no, place) on draft.no = places.no
    where draft.old is null
    order by places.place;

    perform set_config('quire.saving', p_page.id || ':' || v_version, true);
    update core.pages
    set
        -- what did not change keeps its stored (toasted) value and costs no WAL
        title = case when v_title_changed then p_head ->> 'title' else title end,
        properties = case when v_properties_changed then p_head -> 'properties' else properties end,
        block_order = case when v_order_changed then p_order else block_order end,
        next_block_no = p_next_block_no,
        version = v_version,
        updated_at = v_now,
        edited_minute = date_trunc('minute', v_now, 'UTC'),
        updated_by = p_actor
    where pages.workspace_id = p_page.workspace_id and pages.id = p_page.id;
    perform set_config('quire.saving', '', true);

    insert into core.page_changes (workspace_id, page_id, version, at, base_version, actor, kind, ops, undo)
    values (
        p_page.workspace_id, p_page.id, v_version, v_now, p_base_version, p_actor, p_kind, to_jsonb(p_ops),
        jsonb_build_object('blocks', v_undo)
        || case when v_order_changed then jsonb_build_object('order', p_page.block_order) else '{}' end
        || case when v_title_changed then jsonb_build_object('title', p_page.title) else '{}' end
        || case when v_properties_changed then jsonb_build_object('properties', p_page.properties) else '{}' end
    );
    if v_title_changed or v_properties_changed then
        v_changed := 0 || v_changed;
    end if;
    perform core.enqueue_blocks(p_page.workspace_id, p_page.id, v_changed, v_removed, p_priority);
    return v_version;
end;
$$;

comment on function core.write_version(
    core.pages, uuid, text, bigint, jsonb, integer[], integer, integer[], jsonb[], jsonb[], jsonb[], smallint
) is
'Makes a checked draft the next version of its locked page; returns the version, the old one when nothing changed.';
revoke all on function core.write_version(
    core.pages, uuid, text, bigint, jsonb, integer[], integer, integer[], jsonb[], jsonb[], jsonb[], smallint
) from public;

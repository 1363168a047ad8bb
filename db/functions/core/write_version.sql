-- core.write_version: makes a checked, reduced draft (core.reduce_draft) the next version of its locked page: block
-- rows that changed and no others, the page row, the log, the indexing queue; orders a snapshot of each 10th version.
-- Returns the version; the old one, and nothing is written, where the draft is what the page is already. Locks rows of
-- one page only, under the lock of the page row, so no two saves can wait for each other.
create or replace function core.write_version(
    p_page core.pages,
    p_actor uuid,
    p_kind text,
    p_base_version bigint,
    p_head jsonb,
    p_order integer[],
    p_next_block_no integer,
    p_order_changed boolean,
    p_nos integer[],
    p_olds jsonb[],
    p_blocks jsonb[],
    p_ops jsonb[],
    p_touched jsonb[],
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
    v_head constant jsonb := jsonb_build_object('title', p_page.title, 'properties', p_page.properties);
    v_title_changed constant boolean := p_head -> 'title' <> v_head -> 'title';
    v_properties_changed constant boolean := p_head -> 'properties' <> v_head -> 'properties';
    v_changed integer[] := '{}';
    v_gone integer[] := '{}';
    v_undo jsonb := '{}';
    v_hash numeric;
begin
    if not (v_title_changed or v_properties_changed or p_order_changed) and p_nos = '{}' then
        return p_page.version;
    end if;

    -- one by one: each is a look at one index entry and a HOT update, whatever the planner thinks of an array's length
    for i in 1..cardinality(p_nos) loop
        if p_olds[i] is not null and p_blocks[i] is not null then
            update core.blocks
            set type = p_blocks[i] ->> 'type', data = p_blocks[i] -> 'data', ver = v_version
            where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.no = p_nos[i];
        end if;
        if p_blocks[i] is null then
            v_gone := v_gone || p_nos[i];
        else
            v_changed := v_changed || p_nos[i];
        end if;
        v_undo := v_undo || jsonb_build_object(p_nos[i], p_olds[i]);
    end loop;
    if p_order_changed then
        delete from core.blocks
        where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.no = any(v_gone);
        insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
        select
            p_page.workspace_id, p_page.id, draft.no, draft.block ->> 'id', draft.block ->> 'type',
            draft.block -> 'data', v_version
        from unnest(p_nos, p_olds, p_blocks) as draft (no, old, block)
        where draft.old is null;
    end if;
    v_hash := coalesce(
        core.change_hash(
            p_page.content_hash, v_head, p_head, case when p_order_changed then p_page.block_order else '{}' end,
            case when p_order_changed then p_order else '{}' end, p_nos, p_olds, p_blocks
        ),
        core.draft_hash(p_page, p_head, p_order)
    );
    perform set_config('quire.saving', p_page.id || ':' || v_version, true);
    update core.pages
    set
        -- what did not change keeps its stored (toasted) value and costs no WAL
        title = case when v_title_changed then p_head ->> 'title' else title end,
        properties = case when v_properties_changed then p_head -> 'properties' else properties end,
        block_order = case when p_order_changed then p_order else block_order end,
        next_block_no = p_next_block_no,
        version = v_version,
        content_hash = v_hash,
        updated_at = v_now,
        edited_minute = date_trunc('minute', v_now, 'UTC'),
        updated_by = p_actor
    where pages.workspace_id = p_page.workspace_id and pages.id = p_page.id;

    insert into core.page_changes (
        workspace_id, page_id, version, at, base_version, actor, kind, ops, undo, touched, content_hash
    )
    values (
        p_page.workspace_id, p_page.id, v_version, v_now, p_base_version, p_actor, p_kind, to_jsonb(p_ops),
        jsonb_build_object('blocks', v_undo)
        || case when p_order_changed then jsonb_build_object('order', p_page.block_order) else '{}' end
        || case when v_title_changed then jsonb_build_object('title', p_page.title) else '{}' end
        || case when v_properties_changed then jsonb_build_object('properties', p_page.properties) else '{}' end,
        to_jsonb(p_touched), v_hash
    );
    if v_version % 10 = 0 then
        insert into core.page_snapshots_due (workspace_id, page_id, version)
        values (p_page.workspace_id, p_page.id, v_version);
    end if;
    if v_title_changed or v_properties_changed then
        v_changed := 0 || v_changed;
    end if;
    perform core.enqueue_blocks(p_page.workspace_id, p_page.id, v_changed, v_gone, p_priority);
    return v_version;
end;
$$;

comment on function core.write_version(
    core.pages, uuid, text, bigint, jsonb, integer[], integer, boolean, integer[], jsonb[], jsonb[], jsonb[], jsonb[],
    smallint
) is
'Makes a checked draft the next version of its locked page; returns the version, the old one when nothing changed.';
revoke all on function core.write_version(
    core.pages, uuid, text, bigint, jsonb, integer[], integer, boolean, integer[], jsonb[], jsonb[], jsonb[], jsonb[],
    smallint
) from public;

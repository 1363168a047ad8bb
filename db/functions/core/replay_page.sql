-- core.replay_page: walks the log of a page from its floor to the newest version, and says of which versions what is
-- wrong: missing (no row), ahead (a row of a version that the page has not), ops (they do not apply, or do not lead to
-- the recorded content hash), undo (its pre-images do not lead back). After damage it goes on from the next version
-- that can be had another way. A row of an older release, without block numbers, is stepped over in the same way.
create or replace function core.replay_page(
    p_workspace_id uuid,
    p_page_id uuid
)
returns table (version bigint, problem text)
language plpgsql
stable
security invoker
rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current constant bigint := (
        select pages.version from core.pages where pages.workspace_id = p_workspace_id and pages.id = p_page_id
    );
    v_at bigint := core.page_floor(p_workspace_id, p_page_id);
    v_change record;
    v_head jsonb;  -- what the page was at v_at; NULL blocks: unknown
    v_order integer[];
    v_blocks jsonb[];
    v_hash numeric;  -- of that; NULL: not reckoned
    v_next record;
    v_next_hash numeric;
    v_back record;
begin
    select states.head, states.block_order, states.blocks into v_head, v_order, v_blocks
    from core.page_state(p_workspace_id, p_page_id, v_at, true) as states;
    for v_change in
        select changes.version, changes.ops, changes.undo, changes.touched, changes.content_hash
        from core.page_changes as changes
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id and changes.version <= v_current
        order by changes.version
    loop
        if v_change.version = 1 then
            v_head := '{"title": "", "properties": {}}';
            v_order := '{}';
            v_blocks := '{}';
            v_hash := null;
        elsif v_change.version > v_at + 1 then
            return query
                select missing.version, 'missing'
                from generate_series(v_at + 1, v_change.version - 1) as missing (version);
            select states.head, states.block_order, states.blocks into v_head, v_order, v_blocks
            from core.page_state(p_workspace_id, p_page_id, v_change.version - 1, true) as states;
            v_hash := null;
        end if;
        v_at := v_change.version;
        select redone.head, redone.block_order, redone.blocks into v_next
        from core.redo_change(v_change.ops, v_change.touched, v_change.undo, v_head, v_order, v_blocks) as redone
        where v_blocks is not null;
        v_next_hash := case when v_next.blocks is not null then core.step_hash(
            v_hash, v_head, v_order, v_blocks, v_next.head, v_next.block_order, v_next.blocks
        ) end;
        if v_next.blocks is null or v_next_hash <> v_change.content_hash then
            if v_blocks is not null and (v_next.blocks is not null or v_change.touched is not null) then
                return query select v_at, 'ops';
            end if;
            select states.head, states.block_order, states.blocks into v_next
            from core.page_state(p_workspace_id, p_page_id, v_at, true) as states;
            v_next_hash := null;
        end if;
        if v_blocks is not null and v_next.blocks is not null and v_at > 1 then
            select undone.* into v_back
            from core.undo_change(v_change.undo, v_next.head, v_next.block_order, v_next.blocks) as undone;
            if (v_back.head, v_back.block_order, v_back.blocks) is distinct from (v_head, v_order, v_blocks) then
                return query select v_at, 'undo';
            end if;
        end if;
        v_head := v_next.head;
        v_order := v_next.block_order;
        v_blocks := v_next.blocks;
        v_hash := v_next_hash;
    end loop;
    return query
        select missing.version, 'missing' from generate_series(v_at + 1, v_current) as missing (version)
        where exists (
            select from core.page_changes as changes
            where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
        )
        union all
        select changes.version, 'ahead' from core.page_changes as changes
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id and changes.version > v_current;
end;
$$;

comment on function core.replay_page(uuid, uuid) is
'What is wrong with which versions of a page''s log: missing, ahead, ops, undo. Nothing where it proves itself.';
revoke all on function core.replay_page(uuid, uuid) from public;

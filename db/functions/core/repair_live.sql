-- core.repair_live: repairs what core.check_live finds wrong with a locked page, and says what it did. Content that is
-- not as recorded comes back out of snapshots and log (core.rewrite_page), but only where they prove themselves: else
-- the last version that can be had is named, and a person decides. Rows that no place refers to and hashes are put
-- right without a version, for no content changes by it.
create or replace function core.repair_live(
    p_page core.pages
)
returns table (action text, detail jsonb)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_wrong constant text[] := array(
        select found.problem || case when found.detail ?| '{twice,missing,next_block_no}' then '_lost' else '' end
        from core.check_live(p_page.workspace_id, p_page.id) as found
    );
    v_state record;
    v_hash numeric;
    v_last bigint;
begin
    if v_wrong && '{order_lost,hash}' then
        select states.* into v_state
        from core.page_state(p_page.workspace_id, p_page.id, p_page.version, false) as states;
        if v_state.blocks is not null then
            return query select 'page_rebuilt', jsonb_build_object(
                'from_version', p_page.version, 'version', core.rewrite_page(
                    p_page, v_state.head, v_state.block_order, v_state.blocks, v_state.content_hash
                )
            );
            return;
        end if;
        for v_version in reverse p_page.version - 1..core.page_floor(p_page.workspace_id, p_page.id) loop
            v_last := v_version;
            exit when (
                select states.blocks
                from core.page_state(p_page.workspace_id, p_page.id, v_version, false) as states
            ) is not null;
            v_last := null;
        end loop;
        return query select 'page_not_repairable', jsonb_build_object('last_consistent_version', v_last);
        return;
    end if;
    if 'order' = any(v_wrong) then
        delete from core.blocks
        where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id
            and array_position(p_page.block_order, blocks.no) is null;
        return query select 'rows_tidied', '{}'::jsonb;
    end if;
    if v_wrong && '{stored_hash,unreckoned}' then
        v_hash := core.page_hash(
            jsonb_build_object('title', p_page.title, 'properties', p_page.properties), p_page.block_order,
            array(
                select places.block
                from core.draft_blocks(p_page.workspace_id, p_page.id, p_page.block_order, '{}', '{}') as places
                order by places.place
            )
        );
        update core.pages set content_hash = v_hash
        where pages.workspace_id = p_page.workspace_id and pages.id = p_page.id;
        update core.page_changes as changes set content_hash = v_hash
        where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
            and changes.version = p_page.version and changes.content_hash is null;
        return query select 'hash_filled', '{}'::jsonb;
    end if;
end;
$$;

comment on function core.repair_live(core.pages) is
'Repairs what is wrong with the rows of a locked page out of its history; what it did, a row each.';
revoke all on function core.repair_live(core.pages) from public;

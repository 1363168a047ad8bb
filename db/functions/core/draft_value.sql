-- core.draft_value: the value at a pointer of a draft, SQL NULL where there is nothing inside a block or the head.
-- For operations that take a value from one container to another, and for those on the whole document.
-- PT422 as core.find_block.
create or replace function core.draft_value(
    p_page core.pages,
    p_tokens text[],
    p_head jsonb,
    p_order integer[],
    p_nos integer[],
    p_ids text[],
    p_blocks jsonb[],
    p_context jsonb
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_index integer;
    v_blocks jsonb;
begin
    if p_tokens[1] <> 'blocks' then
        return jsonpatch.get(p_head, p_tokens);
    elsif cardinality(p_tokens) > 1 then
        v_index := core.find_block(
            p_page, p_tokens[2], cardinality(p_order) - 1, false, p_order, p_nos, p_ids, p_context
        );
        return (
            select jsonpatch.get(draft.block, p_tokens[3:])
            from core.draft_blocks(
                p_page.workspace_id, p_page.id, p_order[v_index + 1:v_index + 1], p_nos, p_blocks
            ) as draft
        );
    end if;
    select coalesce(jsonb_agg(draft.block order by draft.place), '[]') into v_blocks
    from core.draft_blocks(p_page.workspace_id, p_page.id, p_order, p_nos, p_blocks) as draft;
    return case when cardinality(p_tokens) = 0 then p_head || jsonb_build_object('blocks', v_blocks) else v_blocks end;
end;
$$;

comment on function core.draft_value(core.pages, text[], jsonb, integer[], integer[], text[], jsonb[], jsonb) is
'The value at a pointer of a draft of a page. PT422 block_not_found, patch_index_*.';
revoke all on function core.draft_value(core.pages, text[], jsonb, integer[], integer[], text[], jsonb[], jsonb)
from public;

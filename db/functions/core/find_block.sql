-- core.find_block: the index (from 0) in a draft's order that a token of a patch path names.
-- Digits and '-' are an index, anything else is the id of a block. p_last is the greatest index allowed; '-' is the end
-- of the order and allowed only where something is put in (p_last beyond the last block, or a block on the move).
-- PT422 block_not_found, patch_index_out_of_range, patch_index_invalid; p_context goes into the detail.
create or replace function core.find_block(
    p_page core.pages,
    p_token text,
    p_last integer,
    p_end boolean,
    p_order integer[],
    p_nos integer[],
    p_ids text[],
    p_context jsonb
)
returns integer
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_no integer;
    v_place integer;
begin
    if p_token = '-' and p_end then
        return p_last;
    elsif p_token ~ '^(0|[1-9][0-9]{0,8})$' and p_token::integer <= p_last then
        return p_token::integer;
    elsif p_token ~ '^[0-9]*$' or p_token = '-' then
        raise exception 'operation %: there is no index "%": the page has % blocks', p_context ->> 'operation',
            left(p_token, 80), cardinality(p_order)
            using errcode = 'PT422', detail = p_context::text, constraint = case
                when p_token ~ '^(0|[1-9][0-9]*|-)$' then 'patch_index_out_of_range' else 'patch_index_invalid'
            end;
    end if;
    -- one that the draft has touched; else its row; else one of several with this id, which a patch may make on its way
    v_place := array_position(p_order, p_nos[array_position(p_ids, p_token)]);
    if v_place is null then
        select blocks.no into v_no
        from core.blocks
        where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.id = p_token;
        v_place := array_position(p_order, v_no);
    end if;
    if v_place is null then
        select max(array_position(p_order, p_nos[draft.slot])) into v_place
        from unnest(array_positions(p_ids, p_token)) as draft (slot);
    end if;
    if v_place is null then
        raise exception 'operation %: the page has no block with the id "%"', p_context ->> 'operation',
            left(p_token, 80)
            using errcode = 'PT422', constraint = 'block_not_found', detail = p_context::text;
    end if;
    return v_place - 1;
end;
$$;

comment on function core.find_block(core.pages, text, integer, boolean, integer[], integer[], text[], jsonb) is
'The index in a draft''s order that a path token (index, - or block id) names. PT422 block_not_found, patch_index_*.';
revoke all on function core.find_block(core.pages, text, integer, boolean, integer[], integer[], text[], jsonb)
from public;

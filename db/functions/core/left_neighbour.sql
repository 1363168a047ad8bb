-- core.left_neighbour: the id of the block in front of another in an order of a draft (p_nos with p_blocks: blocks that
-- are not as their rows say), '' at the start of the page, NULL
-- where the order has no such block. By id: two sides give new blocks different numbers.
create or replace function core.left_neighbour(
    p_page core.pages,
    p_id text,
    p_order integer[],
    p_nos integer[],
    p_blocks jsonb[]
)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_no constant integer := coalesce((
        select slots.no
        from unnest(p_nos, p_blocks) as slots (no, block)
        where slots.block ->> 'id' = p_id and slots.no = any(p_order)
        limit 1
    ), (
        select blocks.no
        from core.blocks
        where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.id = p_id
    ));
    v_place constant integer := array_position(p_order, v_no);
    v_before constant integer := p_order[v_place - 1];
begin
    return case when v_place = 1 then '' else coalesce(
        p_blocks[array_position(p_nos, v_before)] ->> 'id',
        (
            select blocks.id
            from core.blocks
            where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id and blocks.no = v_before
        )
    ) end;
end;
$$;

comment on function core.left_neighbour(core.pages, text, integer[], integer[], jsonb[]) is
'The id of the block in front of another in an order; empty at the start, NULL when it is not there.';
revoke all on function core.left_neighbour(core.pages, text, integer[], integer[], jsonb[]) from public;

-- core.canonical_placement: an operation on a whole block, by block id, for core.apply_operations: a removal, a
-- replacement, or an insertion or move with "after", the id of its nearest left neighbour that others have neither put
-- in nor removed nor moved (p_gone); null is the start of the page. p_order is the order after the operation, with the
-- block at p_index.
create or replace function core.canonical_placement(
    p_page core.pages,
    p_op text,
    p_id text,
    p_block jsonb,
    p_index integer,
    p_order integer[],
    p_nos integer[],
    p_ids text[],
    p_gone text[]
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_place integer := p_index;
    v_after text;
begin
    if p_op in ('remove', 'replace') then
        return jsonb_build_object('op', p_op, 'path', '/blocks/' || p_id)
            || case when p_op = 'replace' then jsonb_build_object('value', p_block) else '{}' end;
    end if;
    while v_place > 0 loop
        v_after := coalesce(p_ids[array_position(p_nos, p_order[v_place])], (
            select blocks.id
            from core.blocks
            where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id
                and blocks.no = p_order[v_place]
        ));
        exit when v_after <> all(p_gone);
        v_after := null;
        v_place := v_place - 1;
    end loop;
    return jsonb_build_object('op', p_op, 'path', '/blocks/-', 'after', v_after)
        || case when p_op = 'add' then jsonb_build_object('value', p_block)
            else jsonb_build_object('from', '/blocks/' || p_id) end;
end;
$$;

comment on function core.canonical_placement(
    core.pages, text, text, jsonb, integer, integer[], integer[], text[], text[]
) is
'An operation on a whole block by block id, with the neighbour that it comes behind.';
revoke all on function core.canonical_placement(
    core.pages, text, text, jsonb, integer, integer[], integer[], text[], text[]
) from public;

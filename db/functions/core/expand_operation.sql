-- core.expand_operation: simpler operations instead of one that core.apply_operations does not do itself: a copy,
-- a move from one container (title and properties, the order of blocks, one block) to another, a test or removal of
-- the whole document or all of /blocks. None where nothing is left to do (a test that holds).
-- PT422 patch_path_missing, patch_move_into_itself, patch_test_failed, patch_root_removed; those of core.draft_value.
create or replace function core.expand_operation(
    p_page core.pages,
    p_operation jsonb,
    p_head jsonb,
    p_order integer[],
    p_nos integer[],
    p_ids text[],
    p_blocks jsonb[],
    p_context jsonb
)
returns jsonb[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_op constant text := p_operation ->> 'op';
    v_number constant text := p_context ->> 'operation';
    v_path constant text[] := jsonpatch.pointer_tokens(p_operation ->> 'path');
    v_from text[];
    v_value jsonb := p_operation -> 'value';
    v_add jsonb;
begin
    if v_op in ('move', 'copy') then
        v_from := jsonpatch.pointer_tokens(p_operation ->> 'from');
        v_value := core.draft_value(p_page, v_from, p_head, p_order, p_nos, p_ids, p_blocks, p_context);
        if v_value is null then
            raise exception 'operation %: there is nothing at "%"', v_number, p_operation ->> 'from'
                using errcode = 'PT422', constraint = 'patch_path_missing', detail = p_context::text;
        elsif v_op = 'move' and v_from = v_path then
            return '{}';
        elsif v_op = 'move' and (
            v_path[1:cardinality(v_from)] = v_from
            -- one block by its index and by its id
            or v_from[1] = 'blocks' and v_path[1] = 'blocks' and cardinality(v_from) = 2 and cardinality(v_path) > 2
            and core.find_block(p_page, v_from[2], cardinality(p_order) - 1, false, p_order, p_nos, p_ids, p_context)
            = core.find_block(p_page, v_path[2], cardinality(p_order) - 1, false, p_order, p_nos, p_ids, p_context)
        ) then
            raise exception 'operation %: a value cannot be moved into itself', v_number
                using errcode = 'PT422', constraint = 'patch_move_into_itself', detail = p_context::text;
        elsif v_op = 'copy' and cardinality(v_from) = 2 and cardinality(v_path) = 2
            and v_from[1] = 'blocks' and v_path[1] = 'blocks' then
            -- a block's id is unique in its page: the copy of a block gets its own
            v_value := v_value - 'id';
        end if;
        v_add := jsonb_build_object('op', 'add', 'path', p_operation -> 'path', 'value', v_value);
        if v_op = 'copy' then
            return array[v_add];
        end if;
        return array[jsonb_build_object('op', 'remove', 'path', p_operation -> 'from'), v_add];
    elsif v_op = 'remove' then
        raise exception 'operation %: "%" cannot be removed: replace it', v_number, p_operation ->> 'path'
            using errcode = 'PT422', constraint = 'patch_root_removed', detail = p_context::text;
    else
        if core.draft_value(p_page, v_path, p_head, p_order, p_nos, p_ids, p_blocks, p_context) <> v_value then
            raise exception 'operation %: the value at "%" is not the tested one', v_number, p_operation ->> 'path'
                using errcode = 'PT422', constraint = 'patch_test_failed', detail = p_context::text;
        end if;
        return '{}';
    end if;
end;
$$;

comment on function core.expand_operation(core.pages, jsonb, jsonb, integer[], integer[], text[], jsonb[], jsonb) is
'Simpler operations instead of a copy, a move between containers, a test of the whole. PT422 patch_*.';
revoke all on function core.expand_operation(
    core.pages, jsonb, jsonb, integer[], integer[], text[], jsonb[], jsonb
) from public;

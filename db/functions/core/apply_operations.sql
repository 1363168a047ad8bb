-- core.apply_operations: a draft of a page after RFC 6902 operations that jsonpatch.check_patch has let pass.
-- Writes nothing. The draft: head ({"title", "properties"}), block_order, and of each touched block, side by side, its
-- number, its value before (null: new) and after; a block is touched when its number is in block_order or was removed
-- from it. Only touched blocks are read. A block put in with the id of one that this patch took out keeps its
-- number (core.keep_numbers), so that remove + add is a move. ops are the operations as applied, in index form, ids
-- included, without tests.
-- PT413 too_many_operations (whole-document ones), copy_too_large; PT422 block_id_immutable, and those of
-- core.find_block, core.name_block, core.expand_operation, core.replace_document and jsonpatch.apply_operation.
create or replace function core.apply_operations(
    p_page core.pages,
    p_operations jsonb,
    out head jsonb,
    out block_order integer[],
    out next_block_no integer,
    out nos integer[],
    out olds jsonb[],
    out blocks jsonb[],
    out ops jsonb[]
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := (select limits from core.page_limits() as limits);
    v_queue constant jsonb[] := array(select jsonb_array_elements(p_operations));
    v_number integer := -1;  -- of the client's operation
    v_parts jsonb[] := '{}';  -- what it was expanded to
    v_part integer := 0;  -- how many of these are done
    v_ids text[] := '{}';
    v_whole integer := 0;
    v_whole_ops jsonb[];
    v_copied bigint := 0;
    v_operation jsonb;
    v_op text;
    v_path text[];
    v_from text[];
    v_context jsonb;
    v_last integer;
    v_index integer;
    v_target integer;
    v_slot integer;
    v_block jsonb;
begin
    head := jsonb_build_object('title', p_page.title, 'properties', p_page.properties);
    block_order := p_page.block_order;
    next_block_no := p_page.next_block_no;
    nos := '{}';
    olds := '{}';
    blocks := '{}';
    ops := '{}';
    while v_part < cardinality(v_parts) or v_number + 1 < cardinality(v_queue) loop
        if v_part < cardinality(v_parts) then
            v_part := v_part + 1;
            v_operation := v_parts[v_part];
        else
            v_number := v_number + 1;
            v_operation := v_queue[v_number + 1];
        end if;
        v_op := v_operation ->> 'op';
        v_path := jsonpatch.pointer_tokens(v_operation ->> 'path');
        v_from := case when v_op in ('move', 'copy') then jsonpatch.pointer_tokens(v_operation ->> 'from') end;
        v_context := jsonb_build_object('operation', v_number, 'op', v_op, 'pointer', v_operation -> 'path');
        if core.is_compound_operation(v_op, v_path, v_from) then
            v_whole := v_whole + (
                v_path in ('{}', array['blocks']) or coalesce(v_from in ('{}', array['blocks']), false)
            )::integer;
            if v_whole > v_limits.max_whole_operations then
                raise exception 'more than % operations of the patch are on the whole document', v_whole - 1
                    using errcode = 'PT413', constraint = 'too_many_operations',
                    detail = (v_context || jsonb_build_object('limit', v_whole - 1))::text;
            elsif v_op in ('add', 'replace') then
                select drafts.* into head, block_order, next_block_no, nos, olds, blocks, v_whole_ops
                from core.replace_document(
                    p_page, core.replacement_document(v_path, v_operation -> 'value', head, v_context), head,
                    block_order, next_block_no, nos, olds, blocks
                ) as drafts;
                v_ids := array(
                    select draft.block ->> 'id'
                    from unnest(blocks) with ordinality as draft (block, slot)
                    order by draft.slot
                );
                ops := ops || v_whole_ops;
                continue;
            end if;
            v_parts := core.expand_operation(
                p_page, v_operation, head, block_order, nos, v_ids, blocks, v_context
            ) || v_parts[v_part + 1:];
            v_part := 0;
            v_copied := v_copied + case when v_op = 'copy' then pg_column_size(v_parts[1]) else 0 end;
            if v_copied > v_limits.max_copy_bytes then
                raise exception 'operation %: the copies of this patch add more than % bytes', v_number,
                    v_limits.max_copy_bytes
                    using errcode = 'PT413', constraint = 'copy_too_large',
                    detail = (v_context || jsonb_build_object('limit', v_limits.max_copy_bytes))::text;
            end if;
            continue;
        elsif v_path[1] <> 'blocks' then
            head := jsonpatch.apply_checked_operation(head, v_operation, v_number);
            ops := ops || case when v_op = 'test' then '{}' else array[v_operation] end;
            continue;
        end if;

        v_last := cardinality(block_order) - 1;
        v_target := core.find_block(
            p_page, v_path[2], v_last + (v_op = 'add' and cardinality(v_path) = 2)::integer,
            v_op in ('add', 'move') and cardinality(v_path) = 2, block_order, nos, v_ids, v_context
        );
        if v_op = 'move' and cardinality(v_path) = 2 then
            v_index := core.find_block(p_page, v_from[2], v_last, false, block_order, nos, v_ids, v_context);
            if v_path[2] !~ '^([0-9]+|-)$' then
                -- before that block: it moves up when the moved one stood before it
                v_target := v_target - (v_index < v_target)::integer;
            end if;
            v_operation := v_operation || jsonb_build_object('from', '/blocks/' || v_index);
        else
            v_index := v_target;
        end if;

        -- the touched block gets a slot
        if v_op = 'add' and cardinality(v_path) = 2 then
            v_slot := null;
            v_block := core.name_block(v_operation -> 'value', null, v_context);
        else
            v_slot := array_position(nos, block_order[v_index + 1]);
            if v_slot is null then
                v_slot := cardinality(nos) + 1;
                nos[v_slot] := block_order[v_index + 1];
                select jsonb_build_object('id', stored.id, 'type', stored.type, 'data', stored.data)
                into strict v_block
                from core.blocks as stored
                where stored.workspace_id = p_page.workspace_id and stored.page_id = p_page.id
                    and stored.no = nos[v_slot];
                v_ids[v_slot] := v_block ->> 'id';
                olds[v_slot] := v_block;
                blocks[v_slot] := v_block;
            end if;
            v_block := blocks[v_slot];
        end if;

        if cardinality(v_path) > 2 or v_op = 'test' then
            -- around the block the document that the pointers are about, so that errors name them as sent
            v_block := jsonpatch.apply_checked_operation(
                jsonb_build_object('blocks', jsonb_build_object(v_path[2], v_block)), v_operation, v_number
            ) #> v_path[1:2];
            continue when v_op = 'test';
            if v_block -> 'id' is distinct from to_jsonb(v_ids[v_slot]) then
                raise exception 'operation %: the id of a block cannot be changed: remove the block, add another',
                    v_number
                    using errcode = 'PT422', constraint = 'block_id_immutable', detail = v_context::text;
            end if;
            blocks[v_slot] := v_block;
            if v_op = 'move' then
                v_operation := v_operation || jsonb_build_object(
                    'from', jsonpatch.build_pointer(array['blocks', v_index::text] || v_from[3:])
                );
            end if;
        elsif v_op = 'remove' then
            block_order := block_order[1:v_index] || block_order[v_index + 2:];
        elsif v_op = 'move' then
            block_order := array_remove(block_order, nos[v_slot]);
            block_order := block_order[1:v_target] || nos[v_slot] || block_order[v_target + 1:];
        else
            if v_op = 'replace' then
                v_block := core.name_block(v_operation -> 'value', v_ids[v_slot], v_context);
            end if;
            if v_slot is null or v_ids[v_slot] <> v_block ->> 'id' then
                -- another block than the one there, if one is there
                if v_op = 'replace' then
                    block_order := block_order[1:v_index] || block_order[v_index + 2:];
                end if;
                v_slot := cardinality(nos) + 1;
                nos[v_slot] := next_block_no;
                next_block_no := next_block_no + 1;
                v_ids[v_slot] := v_block ->> 'id';
                olds[v_slot] := null;
                block_order := block_order[1:v_index] || nos[v_slot] || block_order[v_index + 1:];
            end if;
            blocks[v_slot] := v_block;
            v_operation := v_operation || jsonb_build_object('value', v_block);
        end if;
        ops := ops || (v_operation || jsonb_build_object(
            'path', jsonpatch.build_pointer(array['blocks', v_target::text] || v_path[3:])
        ));
    end loop;
    if next_block_no > p_page.next_block_no then
        select kept.* into block_order, blocks from core.keep_numbers(nos, v_ids, olds, block_order, blocks) as kept;
        next_block_no := greatest(
            p_page.next_block_no, (select max(places.no) + 1 from unnest(block_order) as places (no))
        );
    end if;
end;
$$;

comment on function core.apply_operations(core.pages, jsonb) is
'A draft of a page after checked RFC 6902 operations: what was touched, before and after. Writes nothing.
PT413 too_many_operations, copy_too_large; PT422 block_id_immutable, block_not_found, block_id_invalid, patch_*.';
revoke all on function core.apply_operations(core.pages, jsonb) from public;

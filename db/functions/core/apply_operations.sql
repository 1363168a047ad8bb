-- core.apply_operations: a draft of a page after RFC 6902 operations that jsonpatch.check_patch has let pass. Writes
-- nothing. The draft: head ({"title", "properties"}), block_order, and of each touched block, side by side, its number,
-- its value before (null: new) and after; a block is touched when its number is in block_order or was removed from it.
-- Only touched blocks are read; p_seed_nos and p_seeds are blocks that are not as their rows say (core.page_before). A
-- block put in with the id of one that this patch took out keeps its number (core.keep_numbers), so that remove + add
-- is a move. ops are the operations as applied, in index form, ids included, without tests; touched is what they write
-- (core.page_changes.touched). For a rebase the patch is first applied to its base with p_gone, the numbers of blocks
-- that others have removed or moved since: touched has the operation's number at the end then, and canonical are the
-- operations by block id, with their number n, and after: the id of the block that an insertion or a move comes behind.
-- These are then applied to the newest version with p_put, the numbers of blocks that others have put in or moved: they
-- stay in front. PT413 too_many_operations (whole-document ones), copy_too_large; PT422 those of core.find_block,
-- core.name_block, core.edit_block, core.expand_operation, core.replace_document and jsonpatch.apply_operation.
create or replace function core.apply_operations(
    p_page core.pages,
    p_operations jsonb,
    p_seed_nos integer[],
    p_seeds jsonb[],
    p_gone text[],
    p_put integer[],
    out head jsonb,
    out block_order integer[],
    out next_block_no integer,
    out nos integer[],
    out olds jsonb[],
    out blocks jsonb[],
    out ops jsonb[],
    out touched jsonb[],
    out canonical jsonb[]
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := core.page_limits();
    v_count constant integer := jsonb_array_length(p_operations);
    v_number integer := -1;  -- of the operation
    v_n integer;  -- of the client's operation
    v_parts jsonb[] := '{}';  -- what it was expanded to
    v_part integer := 0;  -- how many of these are done
    v_ids text[];
    v_whole integer := 0;
    v_draft record;
    v_copied bigint := 0;
    v_operation jsonb;
    v_op text;
    v_path text[];
    v_from text[];
    v_inner text;  -- the pointer inside the block
    v_context jsonb;
    v_last integer;
    v_index integer;
    v_target integer;
    v_slot integer;
    v_no integer;
    v_block jsonb;
    v_touch jsonb;
begin
    head := jsonb_build_object('title', p_page.title, 'properties', p_page.properties);
    block_order := p_page.block_order;
    next_block_no := p_page.next_block_no;
    nos := p_seed_nos;
    olds := p_seeds;
    blocks := p_seeds;
    v_ids := case when nos = '{}' then '{}' else array(select seeds.block ->> 'id' from unnest(p_seeds) as seeds (block))
        end;
    ops := '{}';
    touched := '{}';
    canonical := '{}';
    while v_part < cardinality(v_parts) or v_number + 1 < v_count loop
        if v_part < cardinality(v_parts) then
            v_part := v_part + 1;
            v_operation := v_parts[v_part];
        else
            v_number := v_number + 1;
            v_operation := p_operations -> v_number;
            v_n := case when p_put is null then v_number else (v_operation ->> 'n')::integer end;
        end if;
        v_op := v_operation ->> 'op';
        v_path := jsonpatch.pointer_tokens(v_operation ->> 'path');
        v_from := case when v_op in ('move', 'copy') then jsonpatch.pointer_tokens(v_operation ->> 'from') end;
        v_inner := substr(v_operation ->> 'path', 9 + length(v_path[2]));
        v_target := null;
        v_slot := null;
        if v_path[1] = 'blocks' and v_inner <> '' and v_from is null then
            -- the usual case, an edit inside a block, finds it without a look at anything else
            v_slot := array_position(v_ids, v_path[2]);
            if v_slot is null and v_path[2] !~ '^([0-9]+|-)$' then
                select stored.no, jsonb_build_object('id', stored.id, 'type', stored.type, 'data', stored.data)
                into v_no, v_block
                from core.blocks as stored
                where stored.workspace_id = p_page.workspace_id and stored.page_id = p_page.id
                    and stored.id = v_path[2];
                if v_no = any(block_order) and v_no <> all(nos) then
                    v_slot := cardinality(nos) + 1;
                    nos[v_slot] := v_no;
                    v_ids[v_slot] := v_path[2];
                    olds[v_slot] := v_block;
                    blocks[v_slot] := v_block;
                end if;
            end if;
            v_target := array_position(block_order, nos[v_slot]) - 1;
        end if;
        v_context := case when v_target is null
            then jsonb_build_object('operation', v_n, 'op', v_op, 'pointer', v_operation -> 'path') end;
        if (v_from is not null or cardinality(v_path) < 2) and core.is_compound_operation(v_op, v_path, v_from) then
            v_whole := v_whole + (
                v_path in ('{}', array['blocks']) or coalesce(v_from in ('{}', array['blocks']), false)
            )::integer;
            if v_whole > v_limits.max_whole_operations then
                raise exception 'more than % operations of the patch are on the whole document', v_whole - 1
                    using errcode = 'PT413', constraint = 'too_many_operations',
                    detail = (v_context || jsonb_build_object('limit', v_whole - 1))::text;
            elsif v_op in ('add', 'replace') then
                select drafts.* into v_draft
                from core.replace_document(
                    p_page, core.replacement_document(v_path, v_operation -> 'value', head, v_context), head,
                    block_order, next_block_no, nos, olds, blocks, p_gone, v_n
                ) as drafts;
                head := v_draft.head;
                block_order := v_draft.block_order;
                next_block_no := v_draft.next_block_no;
                nos := v_draft.nos;
                olds := v_draft.olds;
                blocks := v_draft.blocks;
                v_ids := array(
                    select draft.block ->> 'id'
                    from unnest(blocks) with ordinality as draft (block, slot)
                    order by draft.slot
                );
                ops := ops || v_draft.ops;
                touched := touched || v_draft.touched;
                canonical := canonical || v_draft.canonical;
                continue;
            elsif v_op = 'test' and p_gone is not null then
                canonical := canonical || (v_operation || jsonb_build_object('n', v_n));
            end if;
            v_parts := core.expand_operation(
                p_page, v_operation, head, block_order, nos, v_ids, blocks, v_context
            ) || v_parts[v_part + 1:];
            v_part := 0;
            v_copied := v_copied + case when v_op = 'copy' then pg_column_size(v_parts[1]) else 0 end;
            if v_copied > v_limits.max_copy_bytes then
                raise exception 'operation %: the copies of this patch add more than % bytes', v_n,
                    v_limits.max_copy_bytes
                    using errcode = 'PT413', constraint = 'copy_too_large',
                    detail = (v_context || jsonb_build_object('limit', v_limits.max_copy_bytes))::text;
            end if;
            continue;
        elsif v_path[1] <> 'blocks' then
            if p_gone is not null then
                canonical := canonical || core.canonical_edits(v_operation, '', head, v_from, v_n);
            end if;
            head := jsonpatch.apply_checked_operation(head, v_operation, v_n);
            if v_op <> 'test' then
                ops := ops || (v_operation - 'n');
                touched := touched || core.touch('set', '', core.written_pointer(head, v_op, v_path), p_gone, v_n);
                if v_op = 'move' then
                    touched := touched || core.touch('set', '', core.written_pointer(head, v_op, v_from), p_gone, v_n);
                end if;
            end if;
            continue;
        end if;

        v_last := cardinality(block_order) - 1;
        if v_target is null and not (p_put is not null and v_operation ? 'after') then
            v_target := core.find_block(
                p_page, v_path[2], v_last + (v_op = 'add' and v_inner = '')::integer,
                v_op in ('add', 'move') and v_inner = '', block_order, nos, v_ids, v_context
            );
        end if;
        if v_op = 'move' and v_inner = '' then
            v_index := core.find_block(p_page, v_from[2], v_last, false, block_order, nos, v_ids, v_context);
            if v_path[2] !~ '^([0-9]+|-)$' then
                -- before that block: it moves up when the moved one stood before it
                v_target := v_target - (v_index < v_target)::integer;
            end if;
        else
            v_index := v_target;
        end if;

        -- the touched block gets a slot
        if v_op = 'add' and v_inner = '' then
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

        if v_inner <> '' or v_op = 'test' then
            v_block := core.edit_block(v_block, v_operation, v_path[2], v_n);
            if p_gone is not null then
                canonical := canonical || core.canonical_edits(
                    v_operation || jsonb_build_object('path', v_inner), v_ids[v_slot], blocks[v_slot], v_from[3:], v_n
                );
            end if;
            continue when v_op = 'test';
            blocks[v_slot] := v_block;
            touched := touched || core.touch(
                'set', v_ids[v_slot], case
                    when v_path[cardinality(v_path)] ~ '^([0-9]+|-)$'
                        then core.written_pointer(v_block, v_op, v_path[3:])
                    else v_inner
                end, p_gone, v_n
            );
            if v_op = 'move' then
                touched := touched || core.touch(
                    'set', v_ids[v_slot], core.written_pointer(v_block, v_op, v_from[3:]), p_gone, v_n
                );
                v_operation := v_operation || jsonb_build_object(
                    'from', jsonpatch.build_pointer(array['blocks', v_index::text] || v_from[3:])
                );
            end if;
            ops := ops || ((v_operation - 'n') || jsonb_build_object('path', '/blocks/' || v_index || v_inner));
            continue;
        end if;

        if v_op = 'replace' then
            v_block := core.name_block(v_operation -> 'value', v_ids[v_slot], v_context);
            if v_block ->> 'id' = v_ids[v_slot] then
                blocks[v_slot] := v_block;
                v_touch := core.touch('set', v_ids[v_slot], '', p_gone, v_n);
            else
                v_parts := array[
                    jsonb_build_object('op', 'remove', 'path', '/blocks/' || v_index),
                    jsonb_build_object('op', 'add', 'path', '/blocks/' || v_index, 'value', v_block)
                ] || v_parts[v_part + 1:];
                v_part := 0;
                continue;
            end if;
        elsif v_op = 'remove' then
            block_order := block_order[1:v_index] || block_order[v_index + 2:];
            v_touch := core.touch('del', v_ids[v_slot], null, p_gone, v_n);
        else
            if v_op = 'move' then
                block_order := array_remove(block_order, nos[v_slot]);
                v_touch := core.touch('mov', v_ids[v_slot], null, p_gone, v_n);
            else
                v_slot := cardinality(nos) + 1;
                nos[v_slot] := next_block_no;
                next_block_no := next_block_no + 1;
                v_ids[v_slot] := v_block ->> 'id';
                olds[v_slot] := null;
                blocks[v_slot] := v_block;
                v_touch := core.touch('ins', v_ids[v_slot], nos[v_slot]::text, p_gone, v_n);
            end if;
            if v_target is null then
                v_target := core.place_behind(
                    case when v_operation ->> 'after' is not null then core.find_block(
                        p_page, v_operation ->> 'after', v_last, false, block_order, nos, v_ids, v_context
                    ) + 1 else 0 end, block_order, p_put
                );
            end if;
            block_order := block_order[1:v_target] || nos[v_slot] || block_order[v_target + 1:];
        end if;
        touched := touched || v_touch;
        if p_gone is not null then
            canonical := canonical || (jsonb_build_object('n', v_n) || core.canonical_placement(
                p_page, v_op, v_ids[v_slot], v_block, v_target, block_order, nos, v_ids, p_gone
            ));
        end if;
        ops := ops || (
            jsonb_build_object('op', v_op, 'path', '/blocks/' || v_target)
            || case
                when v_op = 'move' then jsonb_build_object('from', '/blocks/' || v_index)
                when v_op = 'remove' then '{}'
                else jsonb_build_object('value', v_block)
            end
        );
    end loop;
    if next_block_no > p_page.next_block_no then
        select kept.* into block_order, blocks from core.keep_numbers(nos, v_ids, olds, block_order, blocks) as kept;
        next_block_no := greatest(
            p_page.next_block_no, (select max(places.no) + 1 from unnest(block_order) as places (no))
        );
    end if;
    if v_whole > 0 or next_block_no > p_page.next_block_no or cardinality(touched) > 1 then
        touched := core.settle_touched(touched, nos, olds, block_order);
    end if;
end;
$$;

comment on function core.apply_operations(core.pages, jsonb, integer[], jsonb[], text[], integer[]) is
'A draft of a page after checked RFC 6902 operations: what was touched, before and after. Writes nothing.
PT413 too_many_operations, copy_too_large; PT422 block_id_immutable, block_not_found, block_id_invalid, patch_*.';
revoke all on function core.apply_operations(core.pages, jsonb, integer[], jsonb[], text[], integer[]) from public;

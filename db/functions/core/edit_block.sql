-- core.edit_block: a block after an operation inside it, or a test of it. p_token is what the operation's path calls
-- the block (an index or its id), so that errors name the path as sent; p_number is the operation's. PT422
-- block_id_immutable and those of jsonpatch.apply_operation.
create or replace function core.edit_block(
    p_block jsonb,
    p_operation jsonb,
    p_token text,
    p_number integer
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_path constant text[] := jsonpatch.pointer_tokens(p_operation ->> 'path');
    v_block jsonb;
begin
    -- the usual case
    if p_operation ->> 'op' = 'replace' and v_path[3] <> 'id' and jsonpatch.get(p_block, v_path[3:]) is not null then
        return jsonb_set(p_block, v_path[3:], p_operation -> 'value', false);
    end if;
    if p_operation ->> 'op' = 'move' then
        -- the same block, which "from" may call by its other name
        p_operation := p_operation || jsonb_build_object('from', jsonpatch.build_pointer(
            array['blocks', p_token] || (jsonpatch.pointer_tokens(p_operation ->> 'from'))[3:]
        ));
    end if;
    v_block := jsonpatch.apply_checked_operation(
        jsonb_build_object('blocks', jsonb_build_object(p_token, p_block)), p_operation, p_number
    ) #> array['blocks', p_token];
    if v_block -> 'id' is distinct from p_block -> 'id' then
        raise exception 'operation %: the id of a block cannot be changed: remove the block, add another', p_number
            using errcode = 'PT422', constraint = 'block_id_immutable', detail = jsonb_build_object(
                'operation', p_number, 'op', p_operation -> 'op', 'pointer', p_operation -> 'path'
            )::text;
    end if;
    return v_block;
end;
$$;

comment on function core.edit_block(jsonb, jsonb, text, integer) is
'A block after an operation inside it, or a test of it. PT422 block_id_immutable, patch_*.';
revoke all on function core.edit_block(jsonb, jsonb, text, integer) from public;

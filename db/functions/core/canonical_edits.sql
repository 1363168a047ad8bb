-- core.canonical_edits: an operation inside a block (or, p_id '', inside title and properties) by block id, with the
-- number p_n of the client's operation, for core.apply_operations. A move becomes what it writes: a removal, and an
-- addition of the value that it found in p_container at p_from.
create or replace function core.canonical_edits(
    p_operation jsonb,
    p_id text,
    p_container jsonb,
    p_from text[],
    p_n integer
)
returns jsonb[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_prefix constant text := case when p_id = '' then '' else '/blocks/' || p_id end;
    v_edit constant jsonb := p_operation
        || jsonb_build_object('n', p_n, 'path', v_prefix || (p_operation ->> 'path'));
begin
    if p_operation ->> 'op' <> 'move' then
        return array[v_edit];
    end if;
    return array[
        jsonb_build_object('n', p_n, 'op', 'remove', 'path', v_prefix || jsonpatch.build_pointer(p_from)),
        jsonb_build_object(
            'n', p_n, 'op', 'add', 'path', v_edit -> 'path', 'value', jsonpatch.get(p_container, p_from)
        )
    ];
end;
$$;

comment on function core.canonical_edits(jsonb, text, jsonb, text[], integer) is
'An operation inside a block by block id; a move as a removal and an addition.';
revoke all on function core.canonical_edits(jsonb, text, jsonb, text[], integer) from public;

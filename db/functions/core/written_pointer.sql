-- core.written_pointer: the pointer that an operation writes inside a container (a block, or title and properties):
-- its own, but of the whole array where it shifts the elements of one (an insertion, a removal, a move: indexes of two
-- saves cannot be told apart then). p_container is what the container is after the operation.
create or replace function core.written_pointer(
    p_container jsonb,
    p_op text,
    p_tokens text[]
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_parent constant text[] := p_tokens[:cardinality(p_tokens) - 1];
begin
    if p_op in ('add', 'remove', 'move') and p_tokens[cardinality(p_tokens)] ~ '^([0-9]+|-)$'
        and jsonb_typeof(jsonpatch.get(p_container, v_parent)) = 'array' then
        return jsonpatch.build_pointer(v_parent);
    end if;
    return jsonpatch.build_pointer(p_tokens);
end;
$$;

comment on function core.written_pointer(jsonb, text, text[]) is
'The pointer that an operation writes inside a container: the whole array where it shifts elements.';
revoke all on function core.written_pointer(jsonb, text, text[]) from public;

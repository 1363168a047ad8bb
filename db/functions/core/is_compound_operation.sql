-- core.is_compound_operation: whether an operation is one for core.expand_operation or core.replace_document.
-- Simple: anything inside title and properties, inside one block, or on the order of blocks; never a copy.
create or replace function core.is_compound_operation(
    p_op text,
    p_path text[],
    p_from text[]
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_op = 'copy' or cardinality(p_path) = 0 or p_path = array['blocks'] then
        return true;
    elsif p_op <> 'move' then
        return false;
    elsif cardinality(p_from) = 0 or p_from = array['blocks'] then
        return true;
    elsif p_path[1] <> 'blocks' or p_from[1] <> 'blocks' then
        return p_path[1] = 'blocks' or p_from[1] = 'blocks';
    elsif cardinality(p_path) = 2 or cardinality(p_from) = 2 then
        return cardinality(p_path) <> cardinality(p_from);
    end if;
    return p_path[2] <> p_from[2];
end;
$$;

comment on function core.is_compound_operation(text, text[], text[]) is
'Whether an operation must be made simpler before it is applied.';
revoke all on function core.is_compound_operation(text, text[], text[]) from public;

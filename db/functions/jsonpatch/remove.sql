-- jsonpatch.remove: RFC 6902 section 4.2: takes away the value at the tokens, which must be there.
-- p_context goes into the detail of an error.
-- PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid; patch_root_removed (nothing would be left).
create or replace function jsonpatch.remove(
    p_document jsonb,
    p_tokens text[],
    p_context jsonb default '{}'
)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_tokens) = 0 then
        raise exception 'the whole document cannot be removed: replace it, for example with null'
            using errcode = 'PT422', constraint = 'patch_root_removed',
            detail = (p_context || '{"pointer": ""}')::text;
    end if;
    -- #- ignores what is not there
    if jsonpatch.get(p_document, p_tokens) is null then
        perform jsonpatch.raise_missing(p_document, p_tokens, p_context);
    end if;
    return p_document #- p_tokens;
end;
$$;

comment on function jsonpatch.remove(jsonb, text[], jsonb) is
'RFC 6902 remove. PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid, patch_root_removed.';
revoke all on function jsonpatch.remove(jsonb, text[], jsonb) from public;
grant execute on function jsonpatch.remove(jsonb, text[], jsonb) to public;

-- jsonpatch.replace: RFC 6902 section 4.3: puts a value in the place of one that must be there.
-- p_context goes into the detail of an error.
-- PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid.
create or replace function jsonpatch.replace(
    p_document jsonb,
    p_tokens text[],
    p_value jsonb,
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
        return p_value;
    end if;
    -- jsonb_set ignores a missing parent
    if jsonpatch.get(p_document, p_tokens) is null then
        perform jsonpatch.raise_missing(p_document, p_tokens, p_context);
    end if;
    return jsonb_set(p_document, p_tokens, p_value, false);
end;
$$;

comment on function jsonpatch.replace(jsonb, text[], jsonb, jsonb) is
'RFC 6902 replace. PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid.';
revoke all on function jsonpatch.replace(jsonb, text[], jsonb, jsonb) from public;
grant execute on function jsonpatch.replace(jsonb, text[], jsonb, jsonb) to public;

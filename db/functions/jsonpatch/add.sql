-- jsonpatch.add: RFC 6902 section 4.1: sets an object member, or inserts before an array index ('-' appends).
-- No tokens: the value becomes the document. The parent must exist. p_context goes into the detail of an error.
-- PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid.
create or replace function jsonpatch.add(
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
declare
    v_depth constant integer := cardinality(p_tokens);
    v_token constant text := p_tokens[v_depth];
    v_parent jsonb;
    v_length integer;
begin
    if v_depth = 0 then
        return p_value;
    end if;
    v_parent := jsonpatch.get(p_document, p_tokens[1:v_depth - 1]);
    if jsonb_typeof(v_parent) = 'object' then
        return jsonb_set(p_document, p_tokens, p_value);
    elsif v_parent is null or jsonb_typeof(v_parent) <> 'array' then
        perform jsonpatch.raise_missing(p_document, p_tokens, p_context);
    end if;
    v_length := jsonb_array_length(v_parent);
    if v_token = '-' then
        return jsonb_insert(p_document, p_tokens[1:v_depth - 1] || v_length::text, p_value);
    elsif v_token !~ '^(0|[1-9][0-9]*)$' or length(v_token) > 9 or v_token::integer > v_length then
        -- jsonb_insert would read -1 and 01, and append past the end
        perform jsonpatch.raise_missing(p_document, p_tokens, p_context);
    end if;
    return jsonb_insert(p_document, p_tokens, p_value);
end;
$$;

comment on function jsonpatch.add(jsonb, text[], jsonb, jsonb) is
'RFC 6902 add: sets a member or inserts before an index. PT422 patch_path_missing, patch_index_*.';
revoke all on function jsonpatch.add(jsonb, text[], jsonb, jsonb) from public;
grant execute on function jsonpatch.add(jsonb, text[], jsonb, jsonb) to public;

-- jsonpatch.raise_missing: raises the error of a pointer that leads nowhere, naming the first token that fails.
-- Called on the way to an error only: it finds out why jsonpatch.get found nothing.
-- PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid. p_context goes into the detail.
create or replace function jsonpatch.raise_missing(
    p_document jsonb,
    p_tokens text[],
    p_context jsonb
)
returns void
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_value jsonb := p_document;
    v_slug text := 'patch_path_missing';
    v_reason text := 'nothing is there';
    v_at integer := cardinality(p_tokens);
    v_detail jsonb;
begin
    for i in 1..cardinality(p_tokens) loop
        v_at := i;
        case jsonb_typeof(v_value)
            when 'object' then
                v_reason := format('the object has no member "%s"', left(p_tokens[i], 80));
                v_value := v_value -> p_tokens[i];
            when 'array' then
                if p_tokens[i] !~ '^(0|[1-9][0-9]*|-)$' then
                    v_slug := 'patch_index_invalid';
                    v_reason := format('"%s" is not an array index: use 0, 1, 2, ...', left(p_tokens[i], 80));
                    exit;
                end if;
                v_slug := 'patch_index_out_of_range';
                v_reason := format('the array has %s elements', jsonb_array_length(v_value));
                v_value := jsonpatch.get(v_value, p_tokens[i:i]);
            else
                v_reason := format('the parent is a %s, which has no members', jsonb_typeof(v_value));
                v_value := null;
        end case;
        exit when v_value is null;
        v_slug := 'patch_path_missing';
    end loop;
    v_detail := p_context || jsonb_build_object(
        'pointer', jsonpatch.build_pointer(p_tokens),
        'failed_at', jsonpatch.build_pointer(p_tokens[1:v_at])
    );
    raise exception 'no value at "%" to work on: %', v_detail ->> 'failed_at', v_reason
        using errcode = 'PT422', constraint = v_slug, detail = v_detail::text;
end;
$$;

comment on function jsonpatch.raise_missing(jsonb, text[], jsonb) is
'Raises why a pointer leads nowhere. PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid.';
revoke all on function jsonpatch.raise_missing(jsonb, text[], jsonb) from public;
grant execute on function jsonpatch.raise_missing(jsonb, text[], jsonb) to public;

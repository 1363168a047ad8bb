-- jsonpatch.get: the value at the tokens of a JSON Pointer, SQL NULL where there is nothing.
-- A JSON null that is there comes back as 'null'::jsonb. An array index is 0 or digits without a leading zero
-- (RFC 6901 section 4); '-' names no element.
create or replace function jsonpatch.get(
    p_document jsonb,
    p_tokens text[]
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
    v_value jsonb := p_document;
    v_token text;
begin
    -- #> is exact but for tokens that strtol reads and RFC 6901 does not: 01, -1, +1 and blanks before digits.
    -- The test may say so of a harmless token; then the walk below merely takes longer.
    if '/' || array_to_string(p_tokens, '/') !~ '/([[:space:]+-]|0[0-9])' then
        return p_document #> p_tokens;
    end if;
    foreach v_token in array p_tokens loop
        case jsonb_typeof(v_value)
            when 'object' then
                v_value := v_value -> v_token;
            when 'array' then
                if v_token !~ '^(0|[1-9][0-9]{0,8})$' then
                    return null;
                end if;
                v_value := v_value -> v_token::integer;
            else
                return null;
        end case;
    end loop;
    return v_value;
end;
$$;

comment on function jsonpatch.get(jsonb, text[]) is
'The value at JSON Pointer tokens: SQL NULL where there is nothing, ''null''::jsonb for a JSON null.';
revoke all on function jsonpatch.get(jsonb, text[]) from public;
grant execute on function jsonpatch.get(jsonb, text[]) to public;

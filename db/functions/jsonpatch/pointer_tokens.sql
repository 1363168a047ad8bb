-- jsonpatch.pointer_tokens: the reference tokens of an RFC 6901 JSON Pointer, unescaped.
-- '' is the whole document (no tokens); '/' is the member with the empty name (one empty token).
-- PT400 invalid_pointer: no leading slash, or a tilde that is not ~0 or ~1.
create or replace function jsonpatch.pointer_tokens(
    p_pointer text
)
returns text[]
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tokens text[];
begin
    if p_pointer = '' then
        return '{}';
    elsif left(p_pointer, 1) <> '/' then
        raise exception 'a JSON Pointer starts with "/" or is empty: put a "/" in front'
            using errcode = 'PT400', constraint = 'invalid_pointer',
            detail = jsonb_build_object('pointer', p_pointer)::text;
    elsif p_pointer = '/' then
        -- string_to_array('', '/') is an empty array, not one empty token
        return array[''];
    elsif position('~' in p_pointer) = 0 then
        return string_to_array(substr(p_pointer, 2), '/');
    elsif p_pointer ~ '~([^01]|$)' then
        raise exception 'a "~" in a JSON Pointer is written "~0", and a "/" inside a name "~1"'
            using errcode = 'PT400', constraint = 'invalid_pointer',
            detail = jsonb_build_object('pointer', p_pointer)::text;
    end if;
    v_tokens := string_to_array(substr(p_pointer, 2), '/');
    for i in 1..cardinality(v_tokens) loop
        -- ~1 before ~0, so that ~01 becomes ~1 and not / (RFC 6901 section 4)
        v_tokens[i] := replace(replace(v_tokens[i], '~1', '/'), '~0', '~');
    end loop;
    return v_tokens;
end;
$$;

comment on function jsonpatch.pointer_tokens(text) is
'The unescaped reference tokens of an RFC 6901 JSON Pointer; none for ''''. PT400 invalid_pointer.';
revoke all on function jsonpatch.pointer_tokens(text) from public;
grant execute on function jsonpatch.pointer_tokens(text) to public;

-- jsonpatch.build_pointer: the RFC 6901 JSON Pointer of reference tokens; the inverse of jsonpatch.pointer_tokens.
create or replace function jsonpatch.build_pointer(
    p_tokens text[]
)
returns text
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_tokens) = 0 then
        return '';
    elsif array_to_string(p_tokens, '') !~ '[~/]' then
        return '/' || array_to_string(p_tokens, '/');
    end if;
    -- unit separators cannot be told from content, so escape each token before joining
    return (
        select string_agg('/' || replace(replace(tokens.token, '~', '~0'), '/', '~1'), '' order by tokens.position)
        from unnest(p_tokens) with ordinality as tokens (token, position)
    );
end;
$$;

comment on function jsonpatch.build_pointer(text[]) is
'The JSON Pointer (RFC 6901) of reference tokens, escaped; '''' for none.';
revoke all on function jsonpatch.build_pointer(text[]) from public;
grant execute on function jsonpatch.build_pointer(text[]) to public;

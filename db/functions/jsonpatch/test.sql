-- jsonpatch.test: whether RFC 6902's test (section 4.6) of the value at the tokens succeeds.
-- jsonb's own equality is the RFC's: 1 = 1.0, true is not 1, the order of members is nothing, that of elements is.
-- False where nothing is there, also for a tested null.
create or replace function jsonpatch.test(
    p_document jsonb,
    p_tokens text[],
    p_value jsonb
)
returns boolean
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return jsonpatch.get(p_document, p_tokens) is not distinct from p_value;
end;
$$;

comment on function jsonpatch.test(jsonb, text[], jsonb) is
'RFC 6902 test: whether the value at the tokens is there and equal. A JSON null is not nothing.';
revoke all on function jsonpatch.test(jsonb, text[], jsonb) from public;
grant execute on function jsonpatch.test(jsonb, text[], jsonb) to public;

-- jsonpatch.evaluate_pointer: the value that an RFC 6901 JSON Pointer names (section 4), SQL NULL where nothing is.
-- For pointers as text; whoever has tokens takes jsonpatch.get.
-- PT400 invalid_pointer.
create or replace function jsonpatch.evaluate_pointer(
    p_document jsonb,
    p_pointer text
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
    return jsonpatch.get(p_document, jsonpatch.pointer_tokens(p_pointer));
end;
$$;

comment on function jsonpatch.evaluate_pointer(jsonb, text) is
'The value that a JSON Pointer names: SQL NULL where there is nothing. PT400 invalid_pointer.';
revoke all on function jsonpatch.evaluate_pointer(jsonb, text) from public;
grant execute on function jsonpatch.evaluate_pointer(jsonb, text) to public;

-- jsonpatch.apply_operation: checks and applies one RFC 6902 operation.
-- PT400 malformed_patch; PT413 pointer_too_long; PT422 as jsonpatch.apply.
-- The limit on copied bytes is one of a whole patch: see jsonpatch.apply.
create or replace function jsonpatch.apply_operation(
    p_document jsonb,
    p_operation jsonb,
    p_index integer default 0
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
    perform jsonpatch.check_operation(p_operation, p_index);
    return jsonpatch.apply_checked_operation(p_document, p_operation, p_index);
end;
$$;

comment on function jsonpatch.apply_operation(jsonb, jsonb, integer) is
'Checks and applies one RFC 6902 operation. PT400 malformed_patch; PT413 pointer_too_long; PT422 patch_*.';
revoke all on function jsonpatch.apply_operation(jsonb, jsonb, integer) from public;
grant execute on function jsonpatch.apply_operation(jsonb, jsonb, integer) to public;

-- jsonpatch.check_patch: refuses what is not an RFC 6902 patch, without looking at any document.
-- PT400 malformed_patch, PT413 too_many_operations, PT413 pointer_too_long; the detail names operation and member.
-- Members that a patch needs not have are ignored (RFC 6902 section 4).
create or replace function jsonpatch.check_patch(
    p_patch jsonb,
    p_max_operations integer default 1000
)
returns void
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(p_patch) <> 'array' then
        raise exception 'a JSON Patch is an array of operations, this is a %: put it in [ ]', jsonb_typeof(p_patch)
            using errcode = 'PT400', constraint = 'malformed_patch',
            detail = '{"operation": null, "member": null}';
    elsif jsonb_array_length(p_patch) > p_max_operations then
        raise exception 'the patch has % operations and % are allowed: send several patches',
            jsonb_array_length(p_patch), p_max_operations
            using errcode = 'PT413', constraint = 'too_many_operations',
            detail = jsonb_build_object('limit', p_max_operations, 'operations', jsonb_array_length(p_patch))::text;
    end if;
    for v_index in 0..jsonb_array_length(p_patch) - 1 loop
        perform jsonpatch.check_operation(p_patch -> v_index, v_index);
    end loop;
end;
$$;

comment on function jsonpatch.check_patch(jsonb, integer) is
'Refuses what is not an RFC 6902 patch. PT400 malformed_patch; PT413 too_many_operations, pointer_too_long.';
revoke all on function jsonpatch.check_patch(jsonb, integer) from public;
grant execute on function jsonpatch.check_patch(jsonb, integer) to public;

-- core.merge_page: title and properties after an RFC 7396 merge patch, and blocks where the patch has them.
-- Merging into an array replaces it, so the stored blocks need not be read. PT422 document_not_object, member_missing.
create or replace function core.merge_page(
    p_head jsonb,
    p_patch jsonb
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_target constant jsonb := jsonpatch.merge(p_head, p_patch);
begin
    if jsonb_typeof(v_target) <> 'object' then
        raise exception 'a page is an object with "title", "properties" and "blocks"'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    elsif p_patch ? 'blocks' and not v_target ? 'blocks' then
        raise exception 'the member "blocks" cannot be removed: replace it by []'
            using errcode = 'PT422', constraint = 'member_missing', detail = '{"pointer": "/blocks"}';
    end if;
    return v_target;
end;
$$;

comment on function core.merge_page(jsonb, jsonb) is
'Title and properties, and blocks where they change, after a merge patch. PT422 document_not_object, member_missing.';
revoke all on function core.merge_page(jsonb, jsonb) from public;

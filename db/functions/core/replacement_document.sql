-- core.replacement_document: the document that an add or replace of the whole document or of /blocks makes, for
-- core.replace_document. PT422 document_not_object, member_missing.
create or replace function core.replacement_document(
    p_path text[],
    p_value jsonb,
    p_head jsonb,
    p_context jsonb
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if cardinality(p_path) = 1 then
        return p_head || jsonb_build_object('blocks', p_value);
    elsif jsonb_typeof(p_value) <> 'object' then
        raise exception 'a page is an object with "title", "properties" and "blocks"'
            using errcode = 'PT422', constraint = 'document_not_object', detail = p_context::text;
    elsif not p_value ? 'blocks' then
        raise exception 'the member "blocks" is missing'
            using errcode = 'PT422', constraint = 'member_missing', detail = p_context::text;
    end if;
    return p_value;
end;
$$;

comment on function core.replacement_document(text[], jsonb, jsonb, jsonb) is
'The document that replacing all or /blocks makes. PT422 document_not_object, member_missing.';
revoke all on function core.replacement_document(text[], jsonb, jsonb, jsonb) from public;

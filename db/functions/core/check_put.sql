-- core.check_put: the title, properties and blocks of a whole document as it was read, its id and version taken off.
-- All three must be there: a client whose load failed must not blank a page by what it lacks.
-- PT422 document_not_object, id_mismatch, member_missing.
create or replace function core.check_put(
    p_document jsonb,
    p_page_id uuid
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(p_document) <> 'object' then
        raise exception 'a page is an object with "title", "properties" and "blocks"'
            using errcode = 'PT422', constraint = 'document_not_object', detail = '{"pointer": ""}';
    elsif p_document ? 'id' and lower(p_document ->> 'id') is distinct from p_page_id::text then
        raise exception '/id is not the id of the page that you write: leave it out'
            using errcode = 'PT422', constraint = 'id_mismatch', detail = '{"pointer": "/id"}';
    elsif not p_document ? 'blocks' then
        raise exception 'the member "blocks" is missing'
            using errcode = 'PT422', constraint = 'member_missing', detail = '{"pointer": "/blocks"}';
    end if;
    return p_document - array['id', 'version'];
end;
$$;

comment on function core.check_put(jsonb, uuid) is
'A whole document without id and version. PT422 document_not_object, id_mismatch, member_missing.';
revoke all on function core.check_put(jsonb, uuid) from public;

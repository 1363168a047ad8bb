-- core.name_document: a named version of a page as answers have it, JSON text.
create or replace function core.name_document(
    p_name core.page_names
)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return '{"name": ' || to_json(p_name.name) || ', "version": ' || p_name.version || ', "created_at": "'
        || core.rfc3339(p_name.created_at) || '", "created_by": "' || p_name.created_by || '"}';
end;
$$;

comment on function core.name_document(core.page_names) is
'A named version of a page as JSON text.';
revoke all on function core.name_document(core.page_names) from public;

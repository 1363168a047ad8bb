-- api.list_versions: the named versions of a page, newest version first. PT404 workspace_not_found, page_not_found.
create or replace function api.list_versions(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid
)
returns table (body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.read_page(p_workspace_id, p_actor, p_page_id);
    return query
        select '{"versions": [' || coalesce(
            string_agg(core.name_document(names), ', ' order by names.version desc, names.name collate "C"), ''
        ) || ']}'
        from core.page_names as names
        where names.workspace_id = p_workspace_id and names.page_id = p_page_id;
end;
$$;

comment on function api.list_versions(uuid, uuid, uuid) is
'The named versions of a page. PT404 workspace_not_found, page_not_found.';
revoke all on function api.list_versions(uuid, uuid, uuid) from public;
grant execute on function api.list_versions(uuid, uuid, uuid) to quire_api;

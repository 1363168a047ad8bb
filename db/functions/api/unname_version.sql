-- api.unname_version: takes a name off a version of a page; the version it named. The version itself stays as long as
-- any. PT404 workspace_not_found, page_not_found, name_not_found; PT403 role_required.
create or replace function api.unname_version(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_name text
)
returns table (version bigint)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    perform core.lock_page(p_workspace_id, p_page_id);
    return query
        delete from core.page_names as names
        where names.workspace_id = p_workspace_id and names.page_id = p_page_id and names.name = p_name
        returning names.version;
    if not found then
        raise exception 'no version of the page has this name'
            using errcode = 'PT404', constraint = 'name_not_found';
    end if;
end;
$$;

comment on function api.unname_version(uuid, uuid, uuid, text) is
'Takes a name off a version. PT404 workspace_not_found, page_not_found, name_not_found; PT403 role_required.';
revoke all on function api.unname_version(uuid, uuid, uuid, text) from public;
grant execute on function api.unname_version(uuid, uuid, uuid, text) to quire_api;

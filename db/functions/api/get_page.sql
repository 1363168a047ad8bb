-- api.get_page: the newest document of a page. The body is NULL, and was never built, when the version is one of
-- p_known_versions (If-None-Match). Stable: page and blocks are read as of one moment, whoever is saving.
-- PT404 workspace_not_found, page_not_found.
create or replace function api.get_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_known_versions bigint[]
)
returns table (version bigint, body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
begin
    perform core.check_member(p_workspace_id, p_actor, 'viewer');
    select pages.* into v_page
    from core.pages
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id and pages.deleted_at is null;
    if v_page.id is null then
        raise exception 'there is no such page in this workspace'
            using errcode = 'PT404', constraint = 'page_not_found',
            detail = jsonb_build_object('page_id', p_page_id)::text;
    end if;
    version := v_page.version;
    if v_page.version = any(p_known_versions) is not true then
        body := core.page_document(v_page);
    end if;
    return next;
end;
$$;

comment on function api.get_page(uuid, uuid, uuid, bigint[]) is
'The newest document of a page; body NULL when the caller knows the version.
PT404 workspace_not_found, page_not_found.';
revoke all on function api.get_page(uuid, uuid, uuid, bigint[]) from public;
grant execute on function api.get_page(uuid, uuid, uuid, bigint[]) to quire_api;

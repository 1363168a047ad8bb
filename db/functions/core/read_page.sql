-- core.read_page: the row of a page that is there, for whoever may read it.
-- PT404 workspace_not_found, page_not_found.
create or replace function core.read_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid
)
returns core.pages
language plpgsql
stable
security invoker
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
    return v_page;
end;
$$;

comment on function core.read_page(uuid, uuid, uuid) is
'The row of a page that is there, for whoever may read it. PT404 workspace_not_found, page_not_found.';
revoke all on function core.read_page(uuid, uuid, uuid) from public;

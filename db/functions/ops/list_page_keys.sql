-- ops.list_page_keys: keys of pages, deleted ones too, in key order after a given one, at most p_limit; of one
-- workspace or (NULL) of all. For what walks over all pages, such as `quire verify`. Rows, no counting: it reads the
-- key's index.
create or replace function ops.list_page_keys(
    p_workspace_id uuid,
    p_after_workspace_id uuid,
    p_after_page_id uuid,
    p_limit integer
)
returns table (workspace_id uuid, page_id uuid)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select pages.workspace_id, pages.id
        from core.pages
        where (pages.workspace_id, pages.id) > (p_after_workspace_id, p_after_page_id)
            -- bounds, not "is null or": the index is entered at the workspace and left behind it
            and pages.workspace_id between coalesce(p_workspace_id, '00000000-0000-0000-0000-000000000000')
            and coalesce(p_workspace_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
        order by pages.workspace_id, pages.id
        limit p_limit;
end;
$$;

comment on function ops.list_page_keys(uuid, uuid, uuid, integer) is
'Keys of pages in key order after a given one, of one workspace or of all.';
revoke all on function ops.list_page_keys(uuid, uuid, uuid, integer) from public;
grant execute on function ops.list_page_keys(uuid, uuid, uuid, integer) to quire_monitor;

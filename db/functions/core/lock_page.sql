-- core.lock_page: the page row, locked until the transaction ends. All writes of a page queue here, and nowhere else.
-- No key update: rows that refer to the page may still be written. p_deleted: a deleted page as well. PT404
-- page_not_found.
create or replace function core.lock_page(
    p_workspace_id uuid,
    p_page_id uuid,
    p_deleted boolean default false
)
returns core.pages
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
begin
    select pages.* into v_page
    from core.pages
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id
    for no key update;
    if v_page.id is null or (v_page.deleted_at is not null and not p_deleted) then
        raise exception 'there is no such page in this workspace'
            using errcode = 'PT404', constraint = 'page_not_found',
            detail = jsonb_build_object('page_id', p_page_id)::text;
    end if;
    -- out of its compressed form once, not at each look
    v_page.block_order := v_page.block_order || '{}'::integer[];
    return v_page;
end;
$$;

comment on function core.lock_page(uuid, uuid, boolean) is
'Locks a page that is there for writing. PT404 page_not_found.';
revoke all on function core.lock_page(uuid, uuid, boolean) from public;

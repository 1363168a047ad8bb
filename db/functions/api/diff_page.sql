-- api.diff_page: the RFC 6902 patch that turns version p_from of a page into p_to (NULL: the newest), older or newer.
-- A block that was taken out and came back by a restore has another number, but its id: it is the same block here.
-- PT404 workspace_not_found, page_not_found, version_not_found; PT410 version_purged.
create or replace function api.diff_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_from bigint,
    p_to bigint
)
returns table (body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant core.pages := core.read_page(p_workspace_id, p_actor, p_page_id);
    v_old record;
    v_new record;
begin
    select states.* into v_old from core.page_at(p_workspace_id, p_page_id, p_from) as states;
    select states.* into v_new
    from core.page_at(p_workspace_id, p_page_id, coalesce(p_to, v_page.version)) as states;
    -- by id: numbers that both sides give to other ids do not meet
    select array_agg(coalesce(olds.no, -news.no) order by news.place) into v_new.block_order
    from unnest(v_new.block_order, v_new.blocks) with ordinality as news (no, block, place)
    left join unnest(v_old.block_order, v_old.blocks) as olds (no, block)
        on news.block ->> 'id' = olds.block ->> 'id';
    return query
        select made.ops::text
        from core.diff_states(
            v_old.head, v_old.block_order, v_old.blocks, v_new.head, coalesce(v_new.block_order, '{}'), v_new.blocks
        ) as made;
end;
$$;

comment on function api.diff_page(uuid, uuid, uuid, bigint, bigint) is
'The patch between two versions of a page, by block id. PT404 workspace_not_found, page_not_found, version_not_found;
PT410 version_purged.';
revoke all on function api.diff_page(uuid, uuid, uuid, bigint, bigint) from public;
grant execute on function api.diff_page(uuid, uuid, uuid, bigint, bigint) to quire_api;

-- api.get_page_since: what a client that has version p_since lacks: title, properties, the ids of all blocks in order,
-- the blocks written since (whole) and the ids of those that are gone. Reads no other block. The body is NULL when the
-- newest version is one of p_known_versions. PT404 workspace_not_found, page_not_found; PT422 version_unknown: above
-- the newest; PT410 version_purged: the log no longer tells what is gone since then; XX001 history_damaged: a gap.
create or replace function api.get_page_since(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_since bigint,
    p_known_versions bigint[]
)
returns table (version bigint, body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant core.pages := core.read_page(p_workspace_id, p_actor, p_page_id);
    v_order text;
    v_blocks text;
    v_removed jsonb;
begin
    perform core.check_since(v_page, p_since);
    version := v_page.version;
    if v_page.version = any(p_known_versions) then
        return next;
        return;
    end if;
    select
        coalesce(string_agg('"' || blocks.id || '"', ', ' order by places.place), ''),
        coalesce(
            string_agg(
                '{"id": "' || blocks.id || '", "type": ' || to_json(blocks.type) || ', "data": ' || blocks.data || '}',
                ', ' order by places.place
            ) filter (where blocks.ver > p_since),
            ''
        )
    into v_order, v_blocks
    from unnest(v_page.block_order) with ordinality as places (no, place)
    inner join core.blocks
        on places.no = blocks.no and blocks.workspace_id = p_workspace_id and blocks.page_id = p_page_id;
    -- what was there then (its lowest pre-image is not null) and is not now, under this id
    select coalesce(jsonb_agg(gone.id order by gone.id), '[]') into v_removed
    from (
        select distinct on (images.no) images.block ->> 'id' as id
        from core.page_changes as changes
        cross join jsonb_each(changes.undo -> 'blocks') as images (no, block)
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id and changes.version > p_since
        order by images.no, changes.version
    ) as gone
    where gone.id is not null and not exists (
        select from core.blocks
        where blocks.workspace_id = p_workspace_id and blocks.page_id = p_page_id and blocks.id = gone.id
    );
    body := '{"version": ' || v_page.version || ', "title": ' || to_json(v_page.title) || ', "properties": '
        || v_page.properties || ', "order": [' || v_order || '], "blocks": [' || v_blocks || '], "removed": '
        || v_removed || '}';
    return next;
end;
$$;

comment on function api.get_page_since(uuid, uuid, uuid, bigint, bigint[]) is
'What changed on a page since a version; body NULL when the caller knows the newest.
PT404 workspace_not_found, page_not_found; PT422 version_unknown; PT410 version_purged; XX001 history_damaged.';
revoke all on function api.get_page_since(uuid, uuid, uuid, bigint, bigint[]) from public;
grant execute on function api.get_page_since(uuid, uuid, uuid, bigint, bigint[]) to quire_api;

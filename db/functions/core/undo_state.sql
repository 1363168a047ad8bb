-- core.undo_state: what a page was at p_version, from what it was at p_from_version, by the pre-images in its log: of
-- each block, of the order, of title and properties that of the lowest version above p_version that has one. Set-based:
-- how many versions are between costs little. NULL blocks where a change row or a block's pre-image is missing.
create or replace function core.undo_state(
    p_workspace_id uuid,
    p_page_id uuid,
    p_from_version bigint,
    p_version bigint,
    inout head jsonb,
    inout block_order integer[],
    inout blocks jsonb[]
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
-- the planner takes an array to be short, and would look through all blocks for each
set enable_nestloop = off
as $$
declare
    v_nos constant integer[] := block_order;
    v_rows bigint;
    v_title jsonb;
    v_properties jsonb;
    v_order jsonb;
begin
    -- array_agg, not min: they are values, ordered by version
    select
        count(*),
        (array_agg(changes.undo -> 'title' order by changes.version) filter (where changes.undo ? 'title'))[1],
        (array_agg(changes.undo -> 'properties' order by changes.version) filter (
            where changes.undo ? 'properties'
        ))[1],
        (array_agg(changes.undo -> 'order' order by changes.version) filter (where changes.undo ? 'order'))[1]
    into v_rows, v_title, v_properties, v_order
    from core.page_changes as changes
    where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
        and changes.version > p_version and changes.version <= p_from_version;
    if v_rows <> p_from_version - p_version then
        blocks := null;
        return;
    end if;
    head := jsonb_build_object(
        'title', coalesce(v_title, head -> 'title'), 'properties', coalesce(v_properties, head -> 'properties')
    );
    if v_order is not null then
        block_order := array(
            select places.no::integer
            from jsonb_array_elements_text(v_order) with ordinality as places (no, place)
            order by places.place
        );
    end if;
    blocks := array(
        select case when undone.no is null then given.block else nullif(undone.block, 'null') end
        from unnest(block_order) with ordinality as places (no, place)
        left join unnest(v_nos, blocks) as given (no, block) on places.no = given.no
        left join (
            select distinct on (images.no) images.no::integer as no, images.block
            from core.page_changes as changes
            cross join jsonb_each(changes.undo -> 'blocks') as images (no, block)
            where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
                and changes.version > p_version and changes.version <= p_from_version
            order by images.no, changes.version
        ) as undone on places.no = undone.no
        order by places.place
    );
    if array_position(blocks, null) is not null then
        blocks := null;
    end if;
end;
$$;

comment on function core.undo_state(uuid, uuid, bigint, bigint, jsonb, integer[], jsonb[]) is
'What a page was at an older version, by the pre-images in its log; NULL blocks where the log has a gap.';
revoke all on function core.undo_state(uuid, uuid, bigint, bigint, jsonb, integer[], jsonb[]) from public;

-- core.undo_change: what a page was one version before, by the pre-images of a row of its log. core.undo_state does it
-- for many rows at once; this is for those who look at each. NULL blocks where a block has no pre-image.
create or replace function core.undo_change(
    p_undo jsonb,
    inout head jsonb,
    inout block_order integer[],
    inout blocks jsonb[]
)
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
-- the planner takes an array to be short, and would look through all blocks for each
set enable_nestloop = off
as $$
declare
    v_nos constant integer[] := block_order;
begin
    head := jsonb_build_object(
        'title', coalesce(p_undo -> 'title', head -> 'title'),
        'properties', coalesce(p_undo -> 'properties', head -> 'properties')
    );
    if p_undo ? 'order' then
        block_order := array(
            select places.no::integer
            from jsonb_array_elements_text(p_undo -> 'order') with ordinality as places (no, place)
            order by places.place
        );
    end if;
    blocks := array(
        select case when images.no is null then given.block else nullif(images.block, 'null') end
        from unnest(block_order) with ordinality as places (no, place)
        left join unnest(v_nos, blocks) as given (no, block) on places.no = given.no
        left join jsonb_each(p_undo -> 'blocks') as images (no, block) on places.no::text = images.no
        order by places.place
    );
    if array_position(blocks, null) is not null then
        blocks := null;
    end if;
end;
$$;

comment on function core.undo_change(jsonb, jsonb, integer[], jsonb[]) is
'What a page was one version before, by a row of its log; NULL blocks where the row does not fit.';
revoke all on function core.undo_change(jsonb, jsonb, integer[], jsonb[]) from public;

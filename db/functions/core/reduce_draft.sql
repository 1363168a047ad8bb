-- core.reduce_draft: of the touched blocks of a draft (core.apply_operations) those that are others afterwards: side by
-- side number, value before (NULL: new) and after (NULL: gone); in the order of the page where that changed.
-- order_changed is whether it did. A loop for the usual case: a statement costs more than a look at a few blocks.
create or replace function core.reduce_draft(
    p_page core.pages,
    p_order integer[],
    p_touched jsonb[],
    inout nos integer[],
    inout olds jsonb[],
    inout blocks jsonb[],
    out order_changed boolean
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_nos integer[] := '{}';
    v_olds jsonb[] := '{}';
    v_blocks jsonb[] := '{}';
    v_count integer := 0;
begin
    -- that an edit inside a block leaves the order alone is known without comparing a thousand numbers
    order_changed := not (cardinality(p_touched) = 1 and p_touched[1] ->> 0 = 'set')
        and p_order <> p_page.block_order;
    if order_changed then
        select
            coalesce(array_agg(draft.no order by draft.place), '{}'),
            coalesce(array_agg(draft.old order by draft.place), '{}'),
            coalesce(array_agg(draft.block order by draft.place), '{}')
        into nos, olds, blocks
        from (
            select slots.no, slots.old, case when places.no is not null then slots.block end as block, places.place
            from unnest(nos, olds, blocks) as slots (no, old, block)
            left join unnest(p_order) with ordinality as places (no, place) on slots.no = places.no
        ) as draft
        where draft.old is distinct from draft.block;
        return;
    end if;
    for i in 1..cardinality(nos) loop
        -- NULL: put in and taken out again
        if olds[i] <> blocks[i] then
            v_count := v_count + 1;
            v_nos[v_count] := nos[i];
            v_olds[v_count] := olds[i];
            v_blocks[v_count] := blocks[i];
        end if;
    end loop;
    nos := v_nos;
    olds := v_olds;
    blocks := v_blocks;
end;
$$;

comment on function core.reduce_draft(core.pages, integer[], jsonb[], integer[], jsonb[], jsonb[]) is
'The blocks that a draft changes, before and after, and whether it changes their order.';
revoke all on function core.reduce_draft(core.pages, integer[], jsonb[], integer[], jsonb[], jsonb[]) from public;

-- core.keep_numbers: a draft (core.apply_operations) in which a block that a patch took out and put in again, by
-- whatever operations, has the number it had: to the page and to search it is the same block, changed or not.
create or replace function core.keep_numbers(
    p_nos integer[],
    p_ids text[],
    p_olds jsonb[],
    inout block_order integer[],
    inout blocks jsonb[]
)
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_pair record;
begin
    for v_pair in
        -- of several with this id one, so that the others are found to be duplicates
        select distinct on (gone.slot)
            gone.slot as gone,
            fresh.slot as fresh
        from unnest(p_nos, p_ids, p_olds) with ordinality as gone (no, id, old, slot)
        inner join unnest(p_nos, p_ids, p_olds) with ordinality as fresh (no, id, old, slot) on gone.id = fresh.id
        where
            gone.old is not null and array_position(block_order, gone.no) is null
            and fresh.old is null and array_position(block_order, fresh.no) is not null
        order by gone.slot, fresh.slot
    loop
        block_order := array_replace(block_order, p_nos[v_pair.fresh], p_nos[v_pair.gone]);
        blocks[v_pair.gone] := blocks[v_pair.fresh];
    end loop;
end;
$$;

comment on function core.keep_numbers(integer[], text[], jsonb[], integer[], jsonb[]) is
'A draft in which blocks taken out and put in again keep their numbers.';
revoke all on function core.keep_numbers(integer[], text[], jsonb[], integer[], jsonb[]) from public;

-- core.diff_order: operations, in index form, that turn one order of blocks into another: removals from the end, then
-- one move for each block outside a longest increasing subsequence, and additions; with the number of the block that
-- each is about. Blocks are numbers; p_blocks, beside p_to, has what to add. Walks p_to once; v_cursor is how much of
-- v_order is as it must be, blocks that are still to move away in between.
create or replace function core.diff_order(
    p_from integer[],
    p_to integer[],
    p_blocks jsonb[]
)
returns table (operation jsonb, no integer)
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_order integer[];
    v_kept integer[];
    v_staying integer[];
    v_places integer[];
    v_cursor integer := 0;
    v_place integer;
    v_at integer := 0;
begin
    v_order := array(
        select old.no
        from unnest(p_from) with ordinality as old (no, place)
        inner join unnest(p_to) as new (no) on old.no = new.no
        order by old.place
    );
    return query
        select jsonb_build_object('op', 'remove', 'path', '/blocks/' || (old.place - 1)), old.no
        from unnest(p_from) with ordinality as old (no, place)
        left join unnest(v_order) as kept (no) on old.no = kept.no
        where kept.no is null
        order by old.place desc;
    -- for each of p_to its place in v_order: null is to be added
    select array_agg(old.place order by new.place), array_agg(old.place order by new.place) filter (
        where old.place is not null
    )
    into v_places, v_kept
    from unnest(p_to) with ordinality as new (no, place)
    left join unnest(v_order) with ordinality as old (no, place) on new.no = old.no;
    v_staying := array_fill(0, array[cardinality(v_order)]);
    foreach v_place in array core.increasing_subsequence(coalesce(v_kept, '{}')) loop
        v_staying[v_place] := 1;
    end loop;
    for i in 1..cardinality(p_to) loop
        if v_places[i] is null then
            operation := jsonb_build_object('op', 'add', 'path', '/blocks/' || v_cursor, 'value', p_blocks[i]);
            no := p_to[i];
            return next;
            v_order := v_order[1:v_cursor] || p_to[i] || v_order[v_cursor + 1:];
        elsif v_staying[v_places[i]] = 1 then
            while v_order[v_cursor + 1] <> p_to[i] loop
                v_cursor := v_cursor + 1;
            end loop;
        else
            v_at := array_position(v_order, p_to[i]) - 1;
            v_order := v_order[1:v_at] || v_order[v_at + 2:];
            v_cursor := v_cursor - (v_at < v_cursor)::integer;
            if v_at <> v_cursor then
                operation := jsonb_build_object(
                    'op', 'move', 'from', '/blocks/' || v_at, 'path', '/blocks/' || v_cursor
                );
                no := p_to[i];
                return next;
            end if;
            v_order := v_order[1:v_cursor] || p_to[i] || v_order[v_cursor + 1:];
        end if;
        v_cursor := v_cursor + 1;
    end loop;
end;
$$;

comment on function core.diff_order(integer[], integer[], jsonb[]) is
'Remove, move and add operations that turn one order of blocks into another, each with the number of its block.';
revoke all on function core.diff_order(integer[], integer[], jsonb[]) from public;

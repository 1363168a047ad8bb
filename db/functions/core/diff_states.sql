-- core.diff_states: the RFC 6902 patch that turns a page as it was at one version into what it was at another
-- (core.page_at), in index form. By block number, so that a moved block is one move and a changed one a change inside
-- it: order first (core.diff_order), then the inside of blocks, then title and properties.
create or replace function core.diff_states(
    p_from_head jsonb,
    p_from_order integer[],
    p_from_blocks jsonb[],
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[]
)
returns jsonb
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_order jsonb[] := '{}';
begin
    if p_order <> p_from_order then
        v_order := array(select core.diff_order(p_from_order, p_order, p_blocks));
    end if;
    return to_jsonb(v_order || array(
        select operations.value || jsonb_build_object(
            'path', '/blocks/' || (new.place - 1) || (operations.value ->> 'path')
        )
        from unnest(p_order, p_blocks) with ordinality as new (no, block, place)
        inner join unnest(p_from_order, p_from_blocks) as old (no, block) on new.no = old.no and new.block <> old.block
        cross join
            jsonb_array_elements(jsonpatch.diff(old.block, new.block)) with ordinality as operations (value, n)
        order by new.place, operations.n
    )) || jsonpatch.diff(p_from_head, p_head);
end;
$$;

comment on function core.diff_states(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) is
'The patch between two states of a page: moves, additions and removals of blocks, then what changed inside.';
revoke all on function core.diff_states(jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) from public;

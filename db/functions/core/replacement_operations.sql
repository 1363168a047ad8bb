-- core.replacement_operations: what turns a draft (p_head, p_from with p_nos and p_blocks) into another document (p_to:
-- its head; p_order and p_target: its blocks, NULL where they stay): ops in index form, touched and canonical as in
-- core.apply_operations. Order first (core.diff_order), then the inside of blocks, then title and properties.
create or replace function core.replacement_operations(
    p_page core.pages,
    p_head jsonb,
    p_from integer[],
    p_nos integer[],
    p_blocks jsonb[],
    p_to jsonb,
    p_order integer[],
    p_target jsonb[],
    p_gone text[],
    p_n integer,
    out ops jsonb[],
    out touched jsonb[],
    out canonical jsonb[]
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    with old as materialized (
        select draft.no, draft.block
        from core.draft_blocks(p_page.workspace_id, p_page.id, p_from, p_nos, p_blocks) as draft
        where p_order is not null
    ),
    new as materialized (
        select
            target.no, target.block, target.place,
            -- the nearest left neighbour that others have neither put in nor removed nor moved
            max(target.place) filter (where target.block ->> 'id' <> all(p_gone)) over (
                order by target.place rows between unbounded preceding and 1 preceding
            ) as after
        from unnest(p_order, p_target) with ordinality as target (no, block, place)
    ),
    moves as (
        select
            1 as part, moves.n as place, 0::bigint as n, moves.operation, moves.no,
            coalesce(new.block ->> 'id', old.block ->> 'id') as id, p_target[new.after::integer] ->> 'id' as after
        from core.diff_order(p_from, p_order, p_target) with ordinality as moves (operation, no, n)
        left join new on moves.no = new.no
        left join old on moves.no = old.no
        where p_order is distinct from p_from
    ),
    edits as (
        select
            2 as part, new.place, operation.n, operation.value as operation, new.no, new.block ->> 'id' as id,
            core.written_pointer(
                new.block, operation.value ->> 'op', jsonpatch.pointer_tokens(operation.value ->> 'path')
            ) as pointer
        from new
        inner join old on new.no = old.no and new.block <> old.block
        cross join jsonb_array_elements(jsonpatch.diff(old.block, new.block)) with ordinality as operation (value, n)
        union all
        select
            3, 0, operation.n, operation.value, null, '',
            core.written_pointer(
                p_to, operation.value ->> 'op', jsonpatch.pointer_tokens(operation.value ->> 'path')
            )
        from jsonb_array_elements(jsonpatch.diff(p_head, p_to)) with ordinality as operation (value, n)
    ),
    made as (
        select
            moves.part, moves.place, moves.n, moves.operation as op,
            case moves.operation ->> 'op'
                when 'add' then core.touch('ins', moves.id, moves.no::text, p_gone, p_n)
                when 'move' then core.touch('mov', moves.id, null, p_gone, p_n)
                else core.touch('del', moves.id, null, p_gone, p_n)
            end as touch,
            moves.operation || case moves.operation ->> 'op'
                when 'add' then jsonb_build_object('path', '/blocks/-', 'after', moves.after)
                when 'move' then
                    jsonb_build_object('path', '/blocks/-', 'from', '/blocks/' || moves.id, 'after', moves.after)
                else jsonb_build_object('path', '/blocks/' || moves.id)
            end as canonical
        from moves
        union all
        select
            edits.part, edits.place, edits.n,
            edits.operation || jsonb_build_object('path', case
                when edits.part = 2 then '/blocks/' || (edits.place - 1) else ''
            end || (edits.operation ->> 'path')),
            core.touch('set', edits.id, edits.pointer, p_gone, p_n),
            edits.operation || jsonb_build_object('path', case
                when edits.part = 2 then '/blocks/' || edits.id else ''
            end || (edits.operation ->> 'path'))
        from edits
    )
    select
        coalesce(array_agg(made.op order by made.part, made.place, made.n), '{}'),
        coalesce(array_agg(made.touch order by made.part, made.place, made.n), '{}'),
        coalesce(array_agg(
            made.canonical || jsonb_build_object('n', p_n) order by made.part, made.place, made.n
        ) filter (where p_gone is not null), '{}')
    into ops, touched, canonical
    from made;
end;
$$;

comment on function core.replacement_operations(
    core.pages, jsonb, integer[], integer[], jsonb[], jsonb, integer[], jsonb[], text[], integer
) is
'Operations that turn a draft into another document: in index form, what they touch, and by block id.';
revoke all on function core.replacement_operations(
    core.pages, jsonb, integer[], integer[], jsonb[], jsonb, integer[], jsonb[], text[], integer
) from public;

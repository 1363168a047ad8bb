-- core.find_conflicts: where a patch and the versions since its base (p_theirs: their touched entries) write the same:
-- one row for each touch of the patch (p_mine, each with the number of its operation) that meets one of theirs. kind is
-- NULL where both end in the same value: nothing is left to do there. scope is what of the patch meets theirs: "block",
-- all that it does to the block; "move", its move; "pointer", what it writes at pointer inside the block; place is the
-- pointer that both sides' values are compared at, the shorter one. Values are those at the end of both sides, absent
-- ones NULL.
--   write_write     same block, one pointer inside the other, other values   (of title and properties too)
--   write_deleted   they removed a block that the patch writes or moves
--   delete_written  the patch removes a block that they wrote or moved
--   move_move       both moved a block, to different neighbours
--   insert_insert   both put in a block with this id, with other contents
-- The net effect counts: a block that they removed and put in again was written and moved.
create or replace function core.find_conflicts(
    p_page core.pages,
    p_base core.pages,
    p_base_nos integer[],
    p_base_blocks jsonb[],
    p_head jsonb,
    p_order integer[],
    p_nos integer[],
    p_blocks jsonb[],
    p_mine jsonb[],
    p_theirs jsonb[]
)
returns table (n integer, id text, scope text, pointer text, place text, kind text, yours jsonb, theirs jsonb)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with mine as materialized (
        select entry ->> 0 as kind, entry ->> 1 as id, case when entry ->> 0 = 'set' then entry ->> 2 end as pointer,
            (entry ->> 3)::integer as n
        from unnest(p_mine) as touch (entry)
    ),
    theirs as materialized (
        select distinct entry ->> 0 as kind, entry ->> 1 as id, case when entry ->> 0 = 'set' then entry ->> 2 end as pointer
        from unnest(p_theirs) as touch (entry)
    ),
    -- what is at the base, at the end of the patch, and now
    blocks as materialized (
        select
            ids.id,
            case
                when seeds.block is not null then seeds.block
                when stored.no = any(p_base.block_order) then stored.block
            end as base,
            stored.block as now,
            drafts.no is not null as touched,
            case when drafts.no = any(p_order) then drafts.block end as draft
        from (select m.id from mine as m where m.id <> '' intersect select t.id from theirs as t) as ids
        left join lateral (
            select b.no, jsonb_build_object('id', b.id, 'type', b.type, 'data', b.data) as block
            from core.blocks as b
            where b.workspace_id = p_page.workspace_id and b.page_id = p_page.id and b.id = ids.id
        ) as stored on true
        left join lateral (
            select s.block
            from unnest(p_base_nos, p_base_blocks) as s (no, block)
            where s.block ->> 'id' = ids.id and s.no = any(p_base.block_order)
        ) as seeds on true
        left join lateral (
            select d.no, d.block
            from unnest(p_nos, p_blocks) as d (no, block)
            where d.block ->> 'id' = ids.id
            order by d.no = any(p_order) desc
            limit 1
        ) as drafts on true
    ),
    states as materialized (
        select b.id, b.base, case when b.touched then b.draft else b.base end as yours, b.now as theirs from blocks as b
        union all
        select '', v.head, p_head, jsonb_build_object('title', p_page.title, 'properties', p_page.properties)
        from (select jsonb_build_object('title', p_base.title, 'properties', p_base.properties)) as v (head)
    ),
    met as (
        select
            m.n, m.id, m.kind as mine, m.pointer, s.base, s.yours, s.theirs, t.pointer as their_pointer,
            t.kind as their_kind
        from (
            select m.n, m.id, m.kind, m.pointer from mine as m
            union
            -- removed and put in again
            select m.n, m.id, again.kind, again.pointer
            from mine as m
            inner join states as s on m.id = s.id and s.base is not null and s.yours is not null
            cross join (values ('set', ''), ('mov', null)) as again (kind, pointer)
            where m.kind in ('del', 'ins')
        ) as m
        inner join states as s on m.id = s.id
        inner join (
            select t.id, t.kind, t.pointer from theirs as t
            union
            -- and on their side
            select t.id, again.kind, again.pointer
            from theirs as t
            inner join states as s on t.id = s.id and s.base is not null and s.theirs is not null
            cross join (values ('set', ''), ('mov', null)) as again (kind, pointer)
            where t.kind in ('del', 'ins')
        ) as t on m.id = t.id
    ),
    judged as (
        -- whole blocks
        select
            met.n, met.id,
            case when met.base is not null and met.yours is not null and met.theirs is not null then 'move'
                else 'block' end as scope,
            '' as pointer, '' as place,
            case
                when met.base is null and met.yours = met.theirs then null
                when met.base is null then 'insert_insert'
                when met.yours is null and met.theirs is null then null
                when met.theirs is null then 'write_deleted'
                when met.yours is null then 'delete_written'
                when core.left_neighbour(p_page, met.id, p_order, p_nos, p_blocks)
                    = core.left_neighbour(p_page, met.id, p_page.block_order, '{}', '{}') then null
                else 'move_move'
            end as kind,
            met.yours, met.theirs
        from met
        where met.id <> '' and case
            when met.base is null then met.theirs is not null
            when met.theirs is null then true
            when met.yours is null then met.mine = 'del'
            else met.mine = 'mov' and met.their_kind = 'mov'
        end
        union all
        -- inside of blocks that all sides have
        select
            met.n, met.id, 'pointer', met.pointer, shorter.pointer,
            case when mine.value is not distinct from their.value then null else 'write_write' end,
            mine.value, their.value
        from met
        cross join lateral (
            select case when length(met.pointer) < length(met.their_pointer) then met.pointer
                else met.their_pointer end as pointer
        ) as shorter
        cross join lateral (
            select jsonpatch.get(met.yours, jsonpatch.pointer_tokens(shorter.pointer)) as value
        ) as mine
        cross join lateral (
            select jsonpatch.get(met.theirs, jsonpatch.pointer_tokens(shorter.pointer)) as value
        ) as their
        where met.base is not null and met.yours is not null and met.theirs is not null
            and met.mine = 'set' and met.their_kind = 'set'
            and (
                met.pointer = met.their_pointer
                or starts_with(met.pointer, met.their_pointer || '/')
                or starts_with(met.their_pointer, met.pointer || '/')
            )
    )
    select distinct on (j.n, j.id, j.scope, j.pointer)
        j.n, j.id, j.scope, j.pointer, j.place, j.kind, j.yours, j.theirs
    from judged as j
    order by j.n, j.id, j.scope, j.pointer, j.kind nulls last, length(j.place);
end;
$$;

comment on function core.find_conflicts(
    core.pages, core.pages, integer[], jsonb[], jsonb, integer[], integer[], jsonb[], jsonb[], jsonb[]
) is
'Where a patch and the versions since its base write the same; kind NULL where both end in the same value.';
revoke all on function core.find_conflicts(
    core.pages, core.pages, integer[], jsonb[], jsonb, integer[], integer[], jsonb[], jsonb[], jsonb[]
) from public;

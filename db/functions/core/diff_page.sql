-- core.diff_page: operations, in index form, that turn a draft of a page into p_target: {"title", "properties"} and,
-- where the blocks are to change, "blocks". By block id: order first (core.diff_order), then the inside of blocks, then
-- title and properties. New blocks without an id get one here.
-- PT422 and PT413 as core.check_head and core.name_blocks.
create or replace function core.diff_page(
    p_page core.pages,
    p_target jsonb,
    p_head jsonb,
    p_order integer[],
    p_nos integer[],
    p_blocks jsonb[]
)
returns jsonb[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_operations jsonb[] := '{}';
    v_target jsonb[];
    v_to integer[];
    v_old jsonb[];
    v_changes jsonb[];
begin
    perform core.check_head(p_target - 'blocks');
    if p_target ? 'blocks' then
        v_target := core.name_blocks(p_target -> 'blocks');
        -- one join by id; blocks that are new get numbers below zero, for now
        select
            coalesce(array_agg(coalesce(old.no, -new.place::integer) order by new.place), '{}'),
            coalesce(array_agg(old.block order by new.place), '{}')
        into v_to, v_old
        from unnest(v_target) with ordinality as new (block, place)
        left join core.draft_blocks(p_page.workspace_id, p_page.id, p_order, p_nos, p_blocks) as old
            on new.block ->> 'id' = old.block ->> 'id';
        if v_to <> p_order then
            v_operations := array(select core.diff_order(p_order, v_to, v_target));
        end if;
        v_changes := array(
            select operation.value || jsonb_build_object(
                'path', '/blocks/' || (changed.place - 1) || (operation.value ->> 'path')
            )
            from unnest(v_old, v_target) with ordinality as changed (old, new, place)
            cross join
                jsonb_array_elements(jsonpatch.diff(changed.old, changed.new)) with ordinality as operation (value, n)
            where changed.old <> changed.new
            order by changed.place, operation.n
        );
        v_operations := v_operations || v_changes;
    end if;
    return v_operations || array(
        select jsonb_array_elements(jsonpatch.diff(p_head, p_target - 'blocks'))
    );
end;
$$;

comment on function core.diff_page(core.pages, jsonb, jsonb, integer[], integer[], jsonb[]) is
'Operations that turn a draft of a page into a target document, by block id.
PT422 and PT413 as core.check_head and core.name_blocks.';
revoke all on function core.diff_page(core.pages, jsonb, jsonb, integer[], integer[], jsonb[]) from public;

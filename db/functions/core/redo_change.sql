-- core.redo_change: what a page was one version later, by a row of its log. Blocks keep their numbers by their ids; new
-- ones have theirs in p_touched (["ins", id, no]), or, where a whole page begins, from 1. NULL blocks where the
-- row does not fit: a number is unknown, or its operations do not apply.
create or replace function core.redo_change(
    p_ops jsonb,
    p_touched jsonb,
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
    v_operation jsonb;
    v_place integer;
    v_nos constant integer[] := block_order;
    v_olds constant jsonb[] := blocks;
    v_document jsonb;
begin
    if p_ops = '[]' then
        return;
    end if;
    begin
        if not p_ops @? '$[*] ? (!(@.path like_regex "^/blocks/[0-9]+/") || @.op == "move" || @.op == "copy")' then
            -- the usual case: edits inside blocks, which need not look at the others
            for v_operation in select jsonb_array_elements(p_ops) loop
                v_place := split_part(v_operation ->> 'path', '/', 3);
                blocks[v_place + 1] := jsonpatch.apply_checked_operation(
                    blocks[v_place + 1],
                    v_operation || jsonb_build_object(
                        'path', regexp_replace(v_operation ->> 'path', '^/blocks/\d+', '')
                    ), 0
                );
            end loop;
            if cardinality(blocks) <> cardinality(v_olds) or array_position(blocks, null) is not null then
                blocks := null;
            end if;
            return;
        end if;
        -- without the limits of jsonpatch.apply: a diff may have more operations than a patch, and an index in front of
        -- a pointer may be longer than the block id that the client wrote
        v_document := head || jsonb_build_object('blocks', to_jsonb(blocks));
        for v_operation in select jsonb_array_elements(p_ops) loop
            v_document := jsonpatch.apply_checked_operation(v_document, v_operation, 0);
        end loop;
    exception
        when sqlstate 'PT400' or sqlstate 'PT413' or sqlstate 'PT422' or data_exception then
            blocks := null;
            return;
    end;
    if jsonb_typeof(v_document -> 'blocks') is distinct from 'array' then
        blocks := null;
        return;
    end if;
    head := v_document - 'blocks';
    select
        array_agg(
            coalesce(
                case when inserted.fresh then inserted.no end, known.no, inserted.no,
                case when p_ops #>> '{0,path}' = '' then places.place::integer end
            )
            order by places.place
        ),
        array_agg(places.block order by places.place)
    into block_order, blocks
    from jsonb_array_elements(v_document -> 'blocks') with ordinality as places (block, place)
    left join (
        select old.block ->> 'id', old.no
        from unnest(v_nos, v_olds) as old (no, block)
    ) as known (id, no) on places.block ->> 'id' = known.id
    left join (
        -- of several, for a patch may put a block in more than once and take it out again, the one that is new by the
        -- pre-images, and should they be damaged the last
        select distinct on (touched.value ->> 1)
            touched.value ->> 1, (touched.value ->> 2)::integer, news.fresh
        from jsonb_array_elements(p_touched) with ordinality as touched (value, place)
        cross join lateral (
            select coalesce(p_undo -> 'blocks' -> (touched.value ->> 2) = 'null', false) as fresh
        ) as news
        where touched.value ->> 0 = 'ins'
        order by touched.value ->> 1, news.fresh desc, touched.place desc
    ) as inserted (id, no, fresh) on places.block ->> 'id' = inserted.id;
    block_order := coalesce(block_order, '{}');
    blocks := coalesce(blocks, '{}');
    if array_position(block_order, null) is not null then
        blocks := null;
    end if;
end;
$$;

comment on function core.redo_change(jsonb, jsonb, jsonb, jsonb, integer[], jsonb[]) is
'What a page was one version later, by a row of its log; NULL blocks where the row does not fit.';
revoke all on function core.redo_change(jsonb, jsonb, jsonb, jsonb, integer[], jsonb[]) from public;

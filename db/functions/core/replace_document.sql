-- core.replace_document: a draft of a page (as in core.apply_operations) after its document was replaced by p_target:
-- {"title", "properties"} and, where the blocks are to change, "blocks". Differences are by block id, in a handful of
-- statements, so that 10,000 blocks take seconds. ops, touched and canonical are the same change in index form, for the
-- log and for clients, and as core.apply_operations has them. New blocks get numbers, and ids where they bring none;
-- one that the draft had taken out gets its number again. PT422 and PT413 as core.check_head and core.name_blocks.
create or replace function core.replace_document(
    p_page core.pages,
    p_target jsonb,
    inout head jsonb,
    inout block_order integer[],
    inout next_block_no integer,
    inout nos integer[],
    inout olds jsonb[],
    inout blocks jsonb[],
    p_gone text[],
    p_n integer,
    out ops jsonb[],
    out touched jsonb[],
    out canonical jsonb[]
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_target jsonb[];
    v_order integer[];
begin
    perform core.check_head(p_target - 'blocks');
    if p_target ? 'blocks' then
        v_target := core.name_blocks(p_target -> 'blocks');
        select coalesce(array_agg(
            coalesce(numbered.known, next_block_no - 1 + numbered.fresh::integer) order by numbered.place
        ), '{}')
        into v_order
        from (
            select
                new.place,
                known.no as known,
                count(*) filter (where known.no is null) over (order by new.place) as fresh
            from unnest(v_target) with ordinality as new (block, place)
            left join (
                -- one block an id: half a patch may have made a second one, and others that it took out
                select distinct on (candidates.id) candidates.id, candidates.no
                from (
                    select draft.block ->> 'id', draft.no, draft.place
                    from core.draft_blocks(p_page.workspace_id, p_page.id, block_order, nos, blocks) as draft
                    union all
                    select gone.block ->> 'id', gone.no, null
                    from unnest(nos, blocks) as gone (no, block)
                    where not exists (select from unnest(block_order) as places (no) where places.no = gone.no)
                ) as candidates (id, no, place)
                order by candidates.id, candidates.place nulls last, candidates.no
            ) as known on new.block ->> 'id' = known.id
        ) as numbered;
    end if;
    select made.* into ops, touched, canonical
    from core.replacement_operations(
        p_page, head, block_order, nos, blocks, p_target - 'blocks', v_order, v_target, p_gone, p_n
    ) as made;
    head := p_target - 'blocks';
    if v_target is not null then
        select
            coalesce(array_agg(written.no order by written.no), '{}'),
            coalesce(array_agg(written.old order by written.no), '{}'),
            coalesce(array_agg(written.block order by written.no), '{}')
        into nos, olds, blocks
        from (
            select
                coalesce(new.no, stored.no, draft.no) as no,
                case when draft.no is null then stored.block else draft.old end as old,
                coalesce(new.block, stored.block, draft.block) as block
            from unnest(v_order, v_target) as new (no, block)
            full join core.draft_blocks(p_page.workspace_id, p_page.id, block_order, nos, blocks) as stored
                on new.no = stored.no
            full join unnest(nos, olds, blocks) as draft (no, old, block)
                on coalesce(new.no, stored.no) = draft.no
            where draft.no is not null or new.block is distinct from stored.block
        ) as written;
        block_order := v_order;
        next_block_no := greatest(next_block_no, (select max(places.no) + 1 from unnest(v_order) as places (no)));
    end if;
end;
$$;

comment on function core.replace_document(
    core.pages, jsonb, jsonb, integer[], integer, integer[], jsonb[], jsonb[], text[], integer
) is
'A draft after its document was replaced, by block id, and the operations that do it.
PT422 and PT413 as core.check_head and core.name_blocks.';
revoke all on function core.replace_document(
    core.pages, jsonb, jsonb, integer[], integer, integer[], jsonb[], jsonb[], text[], integer
) from public;

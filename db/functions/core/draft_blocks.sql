-- core.draft_blocks: the blocks of a page in order, as a draft of it has them: those that the draft touched from the
-- draft, the others from their rows. The draft is p_order (block numbers), and p_nos with p_blocks beside it.
create or replace function core.draft_blocks(
    p_workspace_id uuid,
    p_page_id uuid,
    p_order integer[],
    p_nos integer[],
    p_blocks jsonb[]
)
returns table (place bigint, no integer, block jsonb)
language plpgsql
stable
security invoker
rows 1000
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select
            places.place,
            places.no,
            coalesce(draft.block, jsonb_build_object('id', blocks.id, 'type', blocks.type, 'data', blocks.data))
        from unnest(p_order) with ordinality as places (no, place)
        left join unnest(p_nos, p_blocks) as draft (no, block) on places.no = draft.no
        left join core.blocks
            on blocks.workspace_id = p_workspace_id and blocks.page_id = p_page_id and places.no = blocks.no
                and draft.no is null
        order by places.place;
end;
$$;

comment on function core.draft_blocks(uuid, uuid, integer[], integer[], jsonb[]) is
'The blocks of a draft of a page, in order; place counts from 1.';
revoke all on function core.draft_blocks(uuid, uuid, integer[], integer[], jsonb[]) from public;

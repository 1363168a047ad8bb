-- core.check_draft: whether a reduced draft (core.reduce_draft) may become a version: head, changed blocks, ids, sizes.
-- The size of the whole page is counted when a save adds more than 4 KB, and at each 64th version, so that a page stays
-- below its limit by at most 256 KB without each keystroke reading all of it.
-- PT422 block_id_duplicate, and those of core.check_head and core.check_block_contents;
-- PT413 too_many_blocks, block_too_large, page_too_large, too_deep, number_too_large.
create or replace function core.check_draft(
    p_page core.pages,
    p_head jsonb,
    p_order integer[],
    p_nos integer[],
    p_olds jsonb[],
    p_blocks jsonb[]
)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := core.page_limits();
    v_growth bigint := 0;
    v_new_ids text[] := '{}';
    v_twice text;
    v_bytes bigint;
begin
    if p_head <> jsonb_build_object('title', p_page.title, 'properties', p_page.properties) then
        perform core.check_head(p_head);
        perform jsonpatch.check_document(p_head, v_limits.max_depth);
        v_growth := octet_length(p_head::text) - octet_length(p_page.title) - octet_length(p_page.properties::text);
    end if;
    if cardinality(p_order) > v_limits.max_blocks then
        raise exception 'a page has at most % blocks: make two pages of it', v_limits.max_blocks
            using errcode = 'PT413', constraint = 'too_many_blocks',
            detail = jsonb_build_object('limit', v_limits.max_blocks)::text;
    end if;
    perform core.check_block_contents(p_blocks, p_nos, p_order);
    for i in 1..cardinality(p_nos) loop
        v_growth := v_growth + coalesce(octet_length(p_blocks[i]::text), 0) - coalesce(octet_length(p_olds[i]::text), 0);
        if p_olds[i] is null then
            v_new_ids := array_append(v_new_ids, p_blocks[i] ->> 'id');
        end if;
    end loop;

    if v_new_ids <> '{}' then
        select ids.id into v_twice
        from (
            select unnest(v_new_ids)
            union all
            select blocks.id
            from core.blocks
            inner join unnest(p_order) as places (no) on blocks.no = places.no
            where blocks.workspace_id = p_page.workspace_id and blocks.page_id = p_page.id
                and blocks.id = any(v_new_ids)
        ) as ids (id)
        group by ids.id
        having count(*) > 1
        limit 1;
        if v_twice is not null then
            select '/blocks/' || (max(places.place) - 1) into v_twice
            from core.draft_blocks(p_page.workspace_id, p_page.id, p_order, p_nos, p_blocks) as places
            where places.block ->> 'id' = v_twice;
            raise exception '%: another block of the page has this id', v_twice
                using errcode = 'PT422', constraint = 'block_id_duplicate',
                detail = jsonb_build_object('pointer', v_twice)::text;
        end if;
    end if;

    if v_growth > 4096 or (v_growth > 0 and (p_page.version + 1) % 64 = 0) then
        select sum(octet_length(places.block::text)) + octet_length(p_head::text) into v_bytes
        from core.draft_blocks(p_page.workspace_id, p_page.id, p_order, p_nos, p_blocks) as places;
        if v_bytes > v_limits.max_page_bytes then
            raise exception 'the page would have more than % bytes: make two pages of it', v_limits.max_page_bytes
                using errcode = 'PT413', constraint = 'page_too_large',
                detail = jsonb_build_object('limit', v_limits.max_page_bytes, 'bytes', v_bytes)::text;
        end if;
    end if;
end;
$$;

comment on function core.check_draft(core.pages, jsonb, integer[], integer[], jsonb[], jsonb[]) is
'Whether a draft may become a version. PT422 block_id_duplicate, block_*, title_*, properties_*;
PT413 too_many_blocks, block_too_large, page_too_large, too_deep, number_too_large.';
revoke all on function core.check_draft(core.pages, jsonb, integer[], integer[], jsonb[], jsonb[]) from public;

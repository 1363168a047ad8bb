-- core.check_block_contents: whether blocks have exactly id, type and data as they must be. p_indexes, beside p_blocks,
-- are their indexes on the page, for the pointer in the detail. Set-based: a new page has up to 10,000.
-- PT422 unknown_member, block_type_invalid, block_data_not_object; PT413 block_too_large, too_deep, number_too_large.
create or replace function core.check_block_contents(
    p_blocks jsonb[],
    p_indexes integer[]
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := (select limits from core.page_limits() as limits);
    v_bad record;
begin
    if cardinality(p_blocks) = 0 then
        return;
    end if;
    -- a block in this array is one level higher than on its page. Before anything prints a number.
    perform jsonpatch.check_document(to_jsonb(p_blocks), v_limits.max_depth - 1);
    select judged.* into v_bad
    from (
        select
            given.index,
            case
                when given.block - array['id', 'type', 'data'] <> '{}' then 'unknown_member'
                when jsonb_typeof(given.block -> 'type') is distinct from 'string' then 'block_type_invalid'
                when length(given.block ->> 'type') not between 1 and 64 then 'block_type_invalid'
                when jsonb_typeof(given.block -> 'data') is distinct from 'object' then 'block_data_not_object'
                when octet_length(given.block::text) > v_limits.max_block_bytes then 'block_too_large'
            end as slug
        from unnest(p_blocks, p_indexes) as given (block, index)
    ) as judged
    where judged.slug is not null
    order by judged.index
    limit 1;
    if v_bad.slug = 'block_too_large' then
        raise exception '/blocks/% has more than % bytes: make several blocks of it', v_bad.index,
            v_limits.max_block_bytes
            using errcode = 'PT413', constraint = 'block_too_large', detail = jsonb_build_object(
                'pointer', '/blocks/' || v_bad.index, 'limit', v_limits.max_block_bytes
            )::text;
    elsif v_bad.slug is not null then
        raise exception '/blocks/% must have exactly "id", "type" (1 to 64 characters) and "data" (an object)',
            v_bad.index
            using errcode = 'PT422', constraint = v_bad.slug,
            detail = jsonb_build_object('pointer', '/blocks/' || v_bad.index)::text;
    end if;
end;
$$;

comment on function core.check_block_contents(jsonb[], integer[]) is
'Blocks have exactly id, type and data. PT422 unknown_member, block_type_invalid, block_data_not_object;
PT413 block_too_large, too_deep, number_too_large.';
revoke all on function core.check_block_contents(jsonb[], integer[]) from public;

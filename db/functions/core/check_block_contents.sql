-- core.check_block_contents: whether blocks have exactly id, type and data as they must be; NULLs are passed over.
-- p_nos, beside p_blocks, are their numbers, p_order is the order of the page, for the pointer in the detail.
-- PT422 unknown_member, block_type_invalid, block_data_not_object; PT413 block_too_large, too_deep, number_too_large.
create or replace function core.check_block_contents(
    p_blocks jsonb[],
    p_nos integer[],
    p_order integer[]
)
returns void
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := core.page_limits();
    v_block jsonb;
    v_slug text;
    v_pointer text;
begin
    for i in 1..cardinality(p_blocks) loop
        v_block := p_blocks[i];
        continue when v_block is null;
        -- a block is two levels below its page. Before anything prints a number.
        perform jsonpatch.check_document(v_block, v_limits.max_depth - 2);
        v_slug := case
            when v_block - '{id,type,data}'::text[] <> '{}' then 'unknown_member'
            when jsonb_typeof(v_block -> 'type') is distinct from 'string' then 'block_type_invalid'
            when length(v_block ->> 'type') not between 1 and 64 then 'block_type_invalid'
            when jsonb_typeof(v_block -> 'data') is distinct from 'object' then 'block_data_not_object'
            when octet_length(v_block::text) > v_limits.max_block_bytes then 'block_too_large'
        end;
        if v_slug is not null then
            v_pointer := '/blocks/' || (array_position(p_order, p_nos[i]) - 1);
            if v_slug = 'block_too_large' then
                raise exception '% has more than % bytes: make several blocks of it', v_pointer,
                    v_limits.max_block_bytes
                    using errcode = 'PT413', constraint = v_slug,
                    detail = jsonb_build_object('pointer', v_pointer, 'limit', v_limits.max_block_bytes)::text;
            end if;
            raise exception '% must have exactly "id", "type" (1 to 64 characters) and "data" (an object)', v_pointer
                using errcode = 'PT422', constraint = v_slug, detail = jsonb_build_object('pointer', v_pointer)::text;
        end if;
    end loop;
end;
$$;

comment on function core.check_block_contents(jsonb[], integer[], integer[]) is
'Blocks have exactly id, type and data. PT422 unknown_member, block_type_invalid, block_data_not_object;
PT413 block_too_large, too_deep, number_too_large.';
revoke all on function core.check_block_contents(jsonb[], integer[], integer[]) from public;

-- core.name_blocks: the blocks of a whole document, each with its id.
-- PT422 blocks_not_array, block_not_object, block_id_invalid, block_id_duplicate; PT413 too_many_blocks.
create or replace function core.name_blocks(
    p_blocks jsonb
)
returns jsonb[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_max constant integer := (core.page_limits()).max_blocks;
    v_blocks jsonb[];
    v_twice text;
begin
    if jsonb_typeof(p_blocks) is distinct from 'array' then
        raise exception '/blocks must be an array'
            using errcode = 'PT422', constraint = 'blocks_not_array', detail = '{"pointer": "/blocks"}';
    elsif jsonb_array_length(p_blocks) > v_max then
        raise exception 'a page has at most % blocks: make two pages of it', v_max
            using errcode = 'PT413', constraint = 'too_many_blocks',
            detail = jsonb_build_object('limit', v_max)::text;
    end if;
    v_blocks := array(
        select core.name_block(
            given.block, null, jsonb_build_object('pointer', '/blocks/' || (given.place - 1))
        )
        from jsonb_array_elements(p_blocks) with ordinality as given (block, place)
        order by given.place
    );
    select '/blocks/' || (max(named.place) - 1) into v_twice
    from unnest(v_blocks) with ordinality as named (block, place)
    group by named.block ->> 'id'
    having count(*) > 1
    order by 1
    limit 1;
    if v_twice is not null then
        raise exception '%: another block of the page has this id', v_twice
            using errcode = 'PT422', constraint = 'block_id_duplicate',
            detail = jsonb_build_object('pointer', v_twice)::text;
    end if;
    return v_blocks;
end;
$$;

comment on function core.name_blocks(jsonb) is
'The blocks of a whole document, each with an id. PT422 blocks_not_array, block_not_object, block_id_invalid,
block_id_duplicate; PT413 too_many_blocks.';
revoke all on function core.name_blocks(jsonb) from public;

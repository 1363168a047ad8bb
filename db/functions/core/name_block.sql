-- core.name_block: a block with its id: its own, p_default where it brings none, or a new UUIDv7; and with data, {}
-- where it brings none.
-- PT422 block_not_object, block_id_invalid; p_context goes into the detail.
create or replace function core.name_block(
    p_block jsonb,
    p_default text,
    p_context jsonb
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    if jsonb_typeof(p_block) <> 'object' then
        raise exception '%: a block is an object with "type" and "data"', p_context ->> 'pointer'
            using errcode = 'PT422', constraint = 'block_not_object', detail = p_context::text;
    elsif not p_block ? 'id' then
        return '{"data": {}}' || p_block || jsonb_build_object('id', coalesce(p_default, core.new_id()::text));
    elsif jsonb_typeof(p_block -> 'id') <> 'string' or p_block ->> 'id' !~ '^[A-Za-z0-9_-]{1,64}$'
        or p_block ->> 'id' ~ '^([0-9]+|-)$' then
        raise exception '%: a block id has 1 to 64 of A-Z a-z 0-9 _ - and is neither digits only nor "-"',
            p_context ->> 'pointer'
            using errcode = 'PT422', constraint = 'block_id_invalid', detail = p_context::text;
    end if;
    return '{"data": {}}' || p_block;
end;
$$;

comment on function core.name_block(jsonb, text, jsonb) is
'A block with an id, given where it brings none. PT422 block_not_object; PT422 block_id_invalid.';
revoke all on function core.name_block(jsonb, text, jsonb) from public;

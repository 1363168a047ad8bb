-- core.step_hash: the content hash (core.page_hash) of one state of a page, from another one and its hash: of blocks
-- that are the same in both, nothing is reckoned. From scratch where p_hash is NULL or the order differs.
create or replace function core.step_hash(
    p_hash numeric,
    p_from_head jsonb,
    p_from_order integer[],
    p_from_blocks jsonb[],
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[]
)
returns numeric
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_nos integer[];
    v_olds jsonb[];
    v_blocks jsonb[];
begin
    if p_hash is null or p_from_order is distinct from p_order then
        return core.page_hash(p_head, p_order, p_blocks);
    end if;
    select
        coalesce(array_agg(given.no), '{}'), coalesce(array_agg(given.old), '{}'),
        coalesce(array_agg(given.block), '{}')
    into v_nos, v_olds, v_blocks
    from unnest(p_order, p_from_blocks, p_blocks) as given (no, old, block)
    where given.old <> given.block;
    return core.change_hash(p_hash, p_from_head, p_head, '{}', '{}', v_nos, v_olds, v_blocks);
end;
$$;

comment on function core.step_hash(numeric, jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) is
'The content hash of one state of a page, from another one and its hash.';
revoke all on function core.step_hash(numeric, jsonb, integer[], jsonb[], jsonb, integer[], jsonb[]) from public;

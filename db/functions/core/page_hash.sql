-- core.page_hash: the content hash of a page, from scratch: the sum, modulo 2^64, of hashes of title and properties, of
-- each block with its number, and of each pair of neighbours in the order (0 stands before the first block). A sum, so
-- that a save can take off what it replaces and add what it writes (core.change_hash). p_blocks, beside p_order, are
-- {"id", "type", "data"}; p_head is {"title", "properties"}. core.hash_text gives equal values equal hashes.
create or replace function core.page_hash(
    p_head jsonb,
    p_order integer[],
    p_blocks jsonb[]
)
returns numeric
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        core.hash_text('0:' || p_head::text) + coalesce(sum(
            core.hash_text(here.no || ':' || here.block::text) + core.hash_text(here.before || '>' || here.no)
        ), 0)
    ) % 18446744073709551616
    from (
        select
            places.no,
            places.block,
            lag(places.no, 1, 0) over (order by places.place) as before
        from unnest(p_order, p_blocks) with ordinality as places (no, block, place)
    ) as here;
end;
$$;

comment on function core.page_hash(jsonb, integer[], jsonb[]) is
'The content hash of a page (sum mod 2^64 of sha256 parts) from its head, order and blocks.';
revoke all on function core.page_hash(jsonb, integer[], jsonb[]) from public;

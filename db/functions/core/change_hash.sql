-- core.change_hash: the content hash (core.page_hash) of a page after a change, from that before it, by what changed
-- only. p_nos, p_olds and p_blocks are changed blocks side by side: SQL NULL in p_olds for a new one, in p_blocks for
-- one that goes; heads may be the same, orders both empty where they are.
create or replace function core.change_hash(
    p_hash numeric,
    p_old_head jsonb,
    p_head jsonb,
    p_old_order integer[],
    p_order integer[],
    p_nos integer[],
    p_olds jsonb[],
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
declare
    v_hash numeric := p_hash;
begin
    if p_head <> p_old_head then
        v_hash := v_hash - core.hash_text('0:' || p_old_head::text) + core.hash_text('0:' || p_head::text);
    end if;
    for i in 1..cardinality(p_nos) loop
        v_hash := v_hash - coalesce(core.hash_text(p_nos[i] || ':' || p_olds[i]::text), 0)
            + coalesce(core.hash_text(p_nos[i] || ':' || p_blocks[i]::text), 0);
    end loop;
    if p_order <> p_old_order then
        v_hash := v_hash + coalesce((
            select sum(changed.weight * core.hash_text(changed.before || '>' || changed.no))
            from (
                select pairs.before, pairs.no, sum(pairs.weight) as weight
                from (
                    select lag(places.no, 1, 0) over (order by places.place), places.no, 1
                    from unnest(p_order) with ordinality as places (no, place)
                    union all
                    select lag(places.no, 1, 0) over (order by places.place), places.no, -1
                    from unnest(p_old_order) with ordinality as places (no, place)
                ) as pairs (before, no, weight)
                group by pairs.before, pairs.no
                having sum(pairs.weight) <> 0
            ) as changed
        ), 0);
    end if;
    v_hash := v_hash % 18446744073709551616;
    return v_hash + case when v_hash < 0 then 18446744073709551616 else 0 end;
end;
$$;

comment on function core.change_hash(numeric, jsonb, jsonb, integer[], integer[], integer[], jsonb[], jsonb[]) is
'The content hash of a page after a change, by what changed only.';
revoke all on function core.change_hash(numeric, jsonb, jsonb, integer[], integer[], integer[], jsonb[], jsonb[])
from public;

-- core.read_leased: what a claim's entries need: their content versions (NULL: gone), the hashes of texts that a model
-- has no vector of that version for, and those texts (core.read_texts). stale: of each entry, whether something has to
-- be written or removed for it. The entries have to come in key order. Where most of a stretch of a page is claimed, it
-- is read as one range (never more than twice what is claimed), and taken if nothing is missing in it; else each entry
-- is looked up by its key. Both use the keys' indexes, whatever the statistics say (order by, limit). A page is looked
-- up once.
create or replace function core.read_leased(
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_models text[]
)
returns table (
    vers bigint[], text_hashes bytea[], stale boolean[], places integer[], models text[], bodies text[]
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_places integer[];
    v_models text[];
    v_place integer;
begin
    select
        array_agg(c.ver) filter (where c.nth = 1),
        array_agg(c.ver is null or c.entry_ver is null or c.entry_ver < c.ver) filter (where c.nth = 1),
        array_agg(c.place) filter (where c.behind), array_agg(c.model) filter (where c.behind)
    into vers, stale, v_places, v_models
    from (
        select d.place, d.ver, d.entry_ver, d.model, d.nth,
            d.model is not null and d.ver is not null and (d.vector_ver is null or d.vector_ver < d.ver) as behind
        from (
            select u.place, f.model, f.nth,
                case
                    when f.version is null or u.no = 0 then f.version
                    when cardinality(f.vers) = f.last_no - f.block_no + 1 then f.vers[u.no - f.block_no + 1]
                    else (
                        select b.ver
                        from core.blocks as b
                        where b.workspace_id = f.workspace_id and b.page_id = f.page_id and b.no = u.no
                        limit 1
                    )
                end as ver,
                case cardinality(f.entry_vers)
                    when 0 then null
                    when f.last_no - f.no + 1 then f.entry_vers[u.no - f.no + 1]
                    else (
                        select e.ver
                        from core.search_entries as e
                        where e.workspace_id = f.workspace_id and e.page_id = f.page_id and e.no = u.no
                        limit 1
                    )
                end as entry_ver,
                case cardinality(f.vector_vers)
                    when 0 then null
                    when f.last_no - f.no + 1 then f.vector_vers[u.no - f.no + 1]
                    else (
                        select e.ver
                        from core.block_embeddings as e
                        where e.workspace_id = f.workspace_id and e.page_id = f.page_id and e.no = u.no
                            and e.model = f.model
                        limit 1
                    )
                end as vector_ver
            from (
                select g.workspace_id, g.page_id, g.no, greatest(g.no, 1) as block_no, g.last_no, g.nos, g.places,
                    p.version, m.model, m.nth,
                    case when g.dense and p.version is not null then array(
                        select b.ver
                        from core.blocks as b
                        where b.workspace_id = g.workspace_id and b.page_id = g.page_id
                            and b.no >= g.no and b.no <= g.last_no
                        order by b.workspace_id, b.page_id, b.no
                        limit g.last_no - g.no + 1
                    ) end as vers,
                    case when g.dense then array(
                        select e.ver
                        from core.search_entries as e
                        where e.workspace_id = g.workspace_id and e.page_id = g.page_id
                            and e.no >= g.no and e.no <= g.last_no
                        order by e.workspace_id, e.page_id, e.no
                        limit g.last_no - g.no + 1
                    ) end as entry_vers,
                    case when g.dense then array(
                        select e.ver
                        from core.block_embeddings as e
                        where e.workspace_id = g.workspace_id and e.page_id = g.page_id
                            and e.no >= g.no and e.no <= g.last_no and e.model = m.model
                        order by e.workspace_id, e.page_id, e.no
                        limit g.last_no - g.no + 1
                    ) end as vector_vers
                from (
                    select k.workspace_id, k.page_id, min(k.no) as no, max(k.no) as last_no,
                        count(*) > 1 and max(k.no) - min(k.no) < 2 * count(*) as dense,
                        array_agg(k.no) as nos, array_agg(k.place::integer) as places
                    from unnest(p_workspace_ids, p_page_ids, p_nos) with ordinality
                        as k (workspace_id, page_id, no, place)
                    group by k.workspace_id, k.page_id
                ) as g
                left join lateral (
                    select p.version
                    from core.pages as p
                    where p.workspace_id = g.workspace_id and p.id = g.page_id and p.deleted_at is null
                    limit 1
                ) as p on true
                cross join lateral unnest(case p_models when '{}' then '{NULL}' else p_models end) with ordinality
                    as m (model, nth)
                offset 0
            ) as f
            cross join lateral unnest(f.nos, f.places) as u (no, place)
            offset 0
        ) as d
        order by d.place, d.nth
    ) as c;
    if v_places is null then
        text_hashes := array_fill(null::bytea, array[cardinality(p_nos)]);
        places := '{}';
        models := '{}';
        bodies := '{}';
        return next;
        return;
    end if;
    foreach v_place in array v_places loop
        stale[v_place] := true;
    end loop;
    select t.text_hashes, t.places, t.models, t.bodies into text_hashes, places, models, bodies
    from core.read_texts(p_workspace_ids, p_page_ids, p_nos, v_places, v_models) as t;
    return next;
end;
$$;

comment on function core.read_leased(uuid[], uuid[], integer[], text[]) is
'Content versions and hashes of claimed entries, which are stale, and the texts that each model has to embed.';
revoke all on function core.read_leased(uuid[], uuid[], integer[], text[]) from public;

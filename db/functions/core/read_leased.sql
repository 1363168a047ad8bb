-- core.read_leased: what a claim's entries need: their content versions (NULL: gone), the hashes of texts that a model
-- has no vector of that version for, and those texts, once for each model that has to embed them. Texts are made only
-- where a version is new to a model; a model that has a vector of the same text is not asked again. stale: of each
-- entry, whether something has to be written or removed for it. All look-ups are by key, whatever the statistics say
-- (lateral with a limit); a page is looked up once, and blocks are only read for their text where one is needed.
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
begin
    return query
    with content as materialized (
        select u.place, g.workspace_id, g.page_id, u.no, case when u.no = 0 then p.version else b.ver end as ver,
            e.ver as entry_ver
        from (
            select k.workspace_id, k.page_id, array_agg(k.no) as nos, array_agg(k.place::integer) as places
            from unnest(p_workspace_ids, p_page_ids, p_nos) with ordinality as k (workspace_id, page_id, no, place)
            group by k.workspace_id, k.page_id
        ) as g
        left join lateral (
            select p.version
            from core.pages as p
            where p.workspace_id = g.workspace_id and p.id = g.page_id and p.deleted_at is null
            limit 1
        ) as p on true
        cross join lateral unnest(g.nos, g.places) as u (no, place)
        left join lateral (
            select b.ver
            from core.blocks as b
            where b.workspace_id = g.workspace_id and b.page_id = g.page_id and b.no = u.no and p.version is not null
            limit 1
        ) as b on true
        left join lateral (
            select e.ver
            from core.search_entries as e
            where e.workspace_id = g.workspace_id and e.page_id = g.page_id and e.no = u.no
            limit 1
        ) as e on true
    ),
    behind as materialized (
        select c.place, c.workspace_id, c.page_id, c.no, m.model, e.text_hash
        from content as c
        cross join unnest(p_models) as m (model)
        left join lateral (
            select e.ver, e.text_hash
            from core.block_embeddings as e
            where e.workspace_id = c.workspace_id and e.page_id = c.page_id and e.no = c.no and e.model = m.model
            limit 1
        ) as e on true
        where c.ver is not null and (e.ver is null or e.ver < c.ver)
    ),
    texts as materialized (
        select c.place, t.body, sha256(convert_to(t.body, 'UTF8')) as text_hash
        from (select distinct b.place, b.workspace_id, b.page_id, b.no from behind as b) as c
        cross join lateral (
            (select p.title as body
            from core.pages as p
            where c.no = 0 and p.workspace_id = c.workspace_id and p.id = c.page_id
            limit 1)
            union all
            (select core.block_text(b.type, b.data)
            from core.blocks as b
            where c.no > 0 and b.workspace_id = c.workspace_id and b.page_id = c.page_id and b.no = c.no
            limit 1)
        ) as t
    ),
    wanted as (
        select t.place, b.model, t.body
        from behind as b
        inner join texts as t on t.place = b.place
        where t.body <> '' and b.text_hash is distinct from t.text_hash
    )
    select
        (select array_agg(c.ver order by c.place) from content as c),
        (select array_agg(t.text_hash order by c.place) from content as c left join texts as t on t.place = c.place),
        (select
            array_agg(
                c.ver is null or c.entry_ver is null or c.entry_ver < c.ver
                or c.place in (select b.place from behind as b)
                order by c.place
            )
        from content as c),
        coalesce((select array_agg(w.place order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.model order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.body order by w.place, w.model) from wanted as w), '{}');
end;
$$;

comment on function core.read_leased(uuid[], uuid[], integer[], text[]) is
'Content versions and hashes of claimed entries, which are stale, and the texts that each model has to embed.';
revoke all on function core.read_leased(uuid[], uuid[], integer[], text[]) from public;

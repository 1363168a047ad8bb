-- core.read_leased: what a claim's entries need: their content versions (NULL: gone), the hashes of texts that a model
-- has no vector of that version for, and those texts, once for each model that has to embed them. Texts are made only
-- where a version is new to a model; a model that has a vector of the same text is not asked again. stale: the places
-- of entries that something has to be written for, or removed. All look-ups are by key, whatever the statistics say
-- (lateral with a limit).
create or replace function core.read_leased(
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_models text[]
)
returns table (
    vers bigint[], text_hashes bytea[], stale integer[], places integer[], models text[], bodies text[]
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
        select k.place::integer, k.workspace_id, k.page_id, k.no, case when k.no = 0 then p.version else b.ver end as ver,
            b.type, b.data, p.title, e.ver as entry_ver
        from unnest(p_workspace_ids, p_page_ids, p_nos) with ordinality as k (workspace_id, page_id, no, place)
        left join lateral (
            select p.version, p.title
            from core.pages as p
            where p.workspace_id = k.workspace_id and p.id = k.page_id and p.deleted_at is null
            limit 1
        ) as p on true
        left join lateral (
            select b.ver, b.type, b.data
            from core.blocks as b
            where b.workspace_id = k.workspace_id and b.page_id = k.page_id and b.no = k.no and p.version is not null
            limit 1
        ) as b on true
        left join lateral (
            select e.ver
            from core.search_entries as e
            where e.workspace_id = k.workspace_id and e.page_id = k.page_id and e.no = k.no
            limit 1
        ) as e on true
    ),
    behind as (
        select c.place, m.model, e.text_hash
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
        from content as c
        cross join lateral (
            select case when c.no = 0 then c.title else core.block_text(c.type, c.data) end as body offset 0
        ) as t
        where c.place in (select b.place from behind as b)
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
        array(
            select c.place
            from content as c
            where c.ver is null or c.entry_ver is null or c.entry_ver < c.ver
                or c.place in (select b.place from behind as b)
            order by c.place
        ),
        coalesce((select array_agg(w.place order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.model order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.body order by w.place, w.model) from wanted as w), '{}');
end;
$$;

comment on function core.read_leased(uuid[], uuid[], integer[], text[]) is
'Content versions and hashes of claimed entries, which are stale, and the texts that each model has to embed.';
revoke all on function core.read_leased(uuid[], uuid[], integer[], text[]) from public;

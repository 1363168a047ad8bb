-- core.read_texts: the hashes of the texts of some places of a claim (NULL at the others), and those texts, once
-- for each model that has to embed them. p_behind_places, p_behind_models: a model that has no vector of that version;
-- one that has a vector of the same text is not asked again. All look-ups are by key, whatever the statistics say
-- (lateral with a limit). A save may have committed since the versions were read: its text is newer then, and its
-- entry, of another generation by now, is done again.
create or replace function core.read_texts(
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_behind_places integer[],
    p_behind_models text[]
)
returns table (text_hashes bytea[], places integer[], models text[], bodies text[])
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with texts as materialized (
        select c.place, t.body, sha256(convert_to(t.body, 'UTF8')) as text_hash, c.models, c.text_hashes
        from (
            select b.place, b.workspace_id, b.page_id, b.no,
                array_agg(b.model) as models, array_agg(e.text_hash) as text_hashes
            from (
                select k.place, p_workspace_ids[k.place] as workspace_id, p_page_ids[k.place] as page_id,
                    p_nos[k.place] as no, k.model
                from unnest(p_behind_places, p_behind_models) as k (place, model)
            ) as b
            left join lateral (
                select e.text_hash
                from core.block_embeddings as e
                where e.workspace_id = b.workspace_id and e.page_id = b.page_id and e.no = b.no and e.model = b.model
                limit 1
            ) as e on true
            group by b.place, b.workspace_id, b.page_id, b.no
        ) as c
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
        select t.place, m.model, t.body
        from texts as t
        cross join lateral unnest(t.models, t.text_hashes) as m (model, text_hash)
        where t.body <> '' and m.text_hash is distinct from t.text_hash
    )
    select
        (select array_agg(t.text_hash order by n)
        from generate_series(1, cardinality(p_nos)) as n
        left join texts as t on t.place = n),
        coalesce((select array_agg(w.place order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.model order by w.place, w.model) from wanted as w), '{}'),
        coalesce((select array_agg(w.body order by w.place, w.model) from wanted as w), '{}');
end;
$$;

comment on function core.read_texts(uuid[], uuid[], integer[], integer[], text[]) is
'Hashes of the texts of claimed entries that a model has no current vector of, and the texts that it has to embed.';
revoke all on function core.read_texts(uuid[], uuid[], integer[], integer[], text[]) from public;

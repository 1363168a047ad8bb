-- api.search: pages by full text, vectors or both fused by reciprocal rank (k = 60), one hit a page with the block it
-- comes from. Only what is there now, in this workspace; what still waits for the worker is read live. Without an
-- embedding, hybrid is text. Body: {"hits": [{page_id, block_id (null: the title), title, snippet (safe HTML, words in
-- <mark>), score}], "index_lag_ms", "waiting"}. degraded: no worker has registered the embedding's model yet, so only
-- text was searched. PT400: see core.check_search, bad_embedding; PT403, PT404.
create or replace function api.search(
    p_workspace_id uuid,
    p_actor uuid,
    p_query text,
    p_mode text,
    p_contains text,
    p_limit integer,
    p_model text,
    p_embedding text
)
returns table (body text, degraded boolean)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
-- Right after an import there are no statistics, and a session's kept plans were made when the tables were tiny.
set plan_cache_mode = force_custom_plan
set enable_seqscan = off
set jit = off
as $$
declare
    v_now constant timestamptz := core.clock();
    v_contains jsonb;
    v_query tsquery;
    v_model core.embedding_models;
    v_pages uuid[];
    v_nos integer[];
    v_tsvs tsvector[];
begin
    perform core.check_member(p_workspace_id, p_actor, 'viewer');
    perform core.check_search(p_query, p_mode, p_contains, p_limit, p_embedding);
    v_contains := p_contains::jsonb;
    -- NULL: no words (only stop words), or nothing but negations, which an index cannot find
    v_query := websearch_to_tsquery('pg_catalog.english'::regconfig, translate(p_query, '<>', '  '));
    v_query := case when numnode(v_query) > 0 and querytree(v_query) <> 'T' then v_query end;
    v_model := core.search_model(p_model, case when p_mode <> 'text' then p_embedding end);
    -- vectors do not wait: nothing is read live for them
    if p_mode <> 'vector' then
        select array_agg(w.page_id), array_agg(w.no), array_agg(w.tsv)
        into v_pages, v_nos, v_tsvs
        from core.live_blocks(p_workspace_id, 1000, 200000) as w;
    end if;

    return query
    with places as (
        select t.page_id, t.no, t.place, 1 as list
        from core.search_text(p_workspace_id, v_query, v_contains, v_pages, v_nos, v_tsvs, 200) as t
        -- words that are all stop words match nothing
        where p_mode <> 'vector' and (v_query is not null or btrim(coalesce(p_query, '')) = '')
        union all
        select n.page_id, n.no, n.place, 2
        from core.search_vectors(
            p_workspace_id, v_model.name, v_model.dimensions, p_embedding::public.vector, v_contains, 100
        ) as n
        where v_model.name is not null and btrim(coalesce(p_query, '')) <> ''
    ),
    ranked as (
        select s.page_id, (array_agg(s.no order by s.list))[1] as no, sum(1.0 / (60 + s.place)) as score,
            -- of equals, words that are there come before a neighbour
            min(s.list) as list
        from places as s
        group by s.page_id
        order by score desc, list, s.page_id
        limit p_limit
    ),
    hits as (
        select
            jsonb_build_object(
                'page_id', r.page_id, 'block_id', nullif(b.block_id, ''), 'title', p.title,
                'snippet', core.search_snippet(b.body, v_query), 'score', round(r.score, 6)
            ) as hit,
            r.score, r.list, r.page_id
        from ranked as r
        -- one look-up by key a hit, see core.live_blocks
        cross join lateral (
            select i.block_id, i.body
            from core.indexable_blocks as i
            where i.workspace_id = p_workspace_id and i.page_id = r.page_id and i.no between r.no and r.no
            order by i.no
            limit 1
        ) as b
        cross join lateral (
            select p.title from core.pages as p where p.workspace_id = p_workspace_id and p.id = r.page_id offset 0
        ) as p
    ),
    lag as (
        select count(*) as waiting, coalesce(extract(epoch from v_now - min(q.enqueued_at)), 0) as seconds
        from (
            select w.enqueued_at from core.indexing_queue as w
            where w.workspace_id = p_workspace_id and w.priority < 300
            limit 10000
        ) as q
    )
    select jsonb_build_object(
        'hits', coalesce((select jsonb_agg(h.hit order by h.score desc, h.list, h.page_id) from hits as h), '[]'),
        'index_lag_ms', round(greatest(l.seconds, 0) * 1000), 'waiting', l.waiting
    )::text,
        p_mode <> 'text' and p_embedding is not null and v_model.name is null
    from lag as l;
end;
$$;

comment on function api.search(uuid, uuid, text, text, text, integer, text, text) is
'Pages by full text, vectors and containment. PT400 bad_mode, bad_limit, empty_query, bad_contains, ..; PT403; PT404.';
revoke all on function api.search(uuid, uuid, text, text, text, integer, text, text) from public;
grant execute on function api.search(uuid, uuid, text, text, text, integer, text, text) to quire_api;

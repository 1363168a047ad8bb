-- core.search_text: pages by full text and containment, best first, with the best block of each. Blocks that match the
-- whole query come first, then pages whose blocks match it only together. p_tsvs: lexemes of waiting blocks, read live.
-- An entry whose block has changed since (and was not among the waiting blocks) is checked against the block, so that
-- old text is never a hit. Look-ups are subqueries for a value, not joins: by the whole key, whatever the
-- statistics say (see core.live_blocks).
create or replace function core.search_text(
    p_workspace_id uuid,
    p_query tsquery,
    p_contains jsonb,
    p_pages uuid[],
    p_nos integer[],
    p_tsvs tsvector[],
    p_limit integer
)
returns table (page_id uuid, no integer, place bigint)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    -- any of the words; NULL where that says nothing new (one word) or would be everything (a negation)
    v_any constant tsquery := case
        when p_contains is null and position('&' in p_query::text) > 0 and position('!' in p_query::text) = 0
            then replace(p_query::text, ' & ', ' | ')::tsquery
    end;
begin
    return query
    with live as materialized (
        select w.page_id, w.no, w.tsv
        from unnest(p_pages, p_nos, p_tsvs) as w (page_id, no, tsv)
        where p_contains is null or (
            select b.data @> p_contains from core.indexable_blocks as b
            where b.workspace_id = p_workspace_id and b.page_id = w.page_id
                and b.no between w.no and w.no
            order by b.no limit 1
        )
    ),
    best as materialized (
        select m.page_id, m.no, m.ver, m.rank
        from core.match_entries(p_workspace_id, p_query, p_contains, p_pages, p_nos) as m
        union all
        select l.page_id, l.no, null, ts_rank(l.tsv, p_query, 1)
        from live as l
        where p_query is null or l.tsv @@ p_query
        order by rank desc nulls last, page_id, no
        limit p_limit * 4
    ),
    blocks as (
        select m.page_id, m.no, m.rank
        from best as m
        where m.ver is null or (
            select case when b.ver = m.ver then true else
                (p_query is null or core.search_vector(b.type, b.body) @@ p_query)
                and (p_contains is null or b.data @> p_contains)
            end
            from core.indexable_blocks as b
            where b.workspace_id = p_workspace_id and b.page_id = m.page_id
                and b.no between m.no and m.no
            order by b.no limit 1
        )
    ),
    together as (
        select m.page_id, (array_agg(m.no order by m.rank desc, m.no))[1] as no, sum(m.rank) as rank
        from (
            select e.page_id, e.no, e.rank, e.tsv
            from core.match_entries(p_workspace_id, v_any, null, p_pages, p_nos) as e
            where v_any is not null and (
                -- each save gives the title a new version
                select b.ver = e.ver or b.no = 0 and core.search_vector(b.type, b.body) = e.tsv
                from core.indexable_blocks as b
                where b.workspace_id = p_workspace_id and b.page_id = e.page_id
                    and b.no between e.no and e.no
                order by b.no limit 1
            )
            union all
            select l.page_id, l.no, ts_rank(l.tsv, v_any, 1), l.tsv from live as l where l.tsv @@ v_any
        ) as m
        group by m.page_id
        having core.tsvector_agg(m.tsv) @@ p_query
    ),
    pages as (
        select distinct on (s.page_id) s.page_id, s.no, s.rank, s.class
        from (
            select b.page_id, b.no, b.rank, 1 as class from blocks as b
            union all
            select t.page_id, t.no, t.rank, 2 from together as t
        ) as s
        where (
            select p.deleted_at is null from core.pages as p
            where p.workspace_id = p_workspace_id and p.id = s.page_id
        )
        order by s.page_id, s.class, s.rank desc nulls last, s.no
    )
    select p.page_id, p.no, row_number() over (order by p.class, p.rank desc nulls last, p.page_id) as place
    from pages as p
    order by place
    limit p_limit;
end;
$$;

comment on function core.search_text(uuid, tsquery, jsonb, uuid[], integer[], tsvector[], integer) is
'Pages by full text and containment in order, each with its best block. Only what is there now.';
revoke all on function core.search_text(uuid, tsquery, jsonb, uuid[], integer[], tsvector[], integer) from public;

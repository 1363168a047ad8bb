-- core.match_entries: entries of a workspace that match a text query and a containment, at most 5,000, with their rank.
-- Entries of blocks that wait (p_pages, p_nos) are left out: their text is old. Dynamic
-- SQL so that a condition that is not asked for is not there: "$2 is null or .." keeps an index from being used.
create or replace function core.match_entries(
    p_workspace_id uuid,
    p_query tsquery,
    p_contains jsonb,
    p_pages uuid[],
    p_nos integer[]
)
returns table (page_id uuid, no integer, ver bigint, rank real, tsv tsvector)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query execute
        'select e.page_id, e.no, e.ver, ts_rank(e.body_tsv, $2, 1), e.body_tsv'
        || ' from core.search_entries as e where e.workspace_id = $1'
        || case when p_query is not null then ' and e.body_tsv @@ $2' else '' end
        || case when p_contains is not null then ' and e.data @> $3' else '' end
        || case when cardinality(p_pages) > 0
            -- "not in" is hashed whatever the statistics say; an anti-join became a nested loop of seconds without them
            then ' and (e.page_id, e.no) not in (select w.page_id, w.no from unnest($4, $5) as w (page_id, no))'
            else '' end
        || case when p_query is null then ' order by e.indexed_at desc' else '' end
        || ' limit 5000'
    using p_workspace_id, p_query, p_contains, p_pages, p_nos;
end;
$$;

comment on function core.match_entries(uuid, tsquery, jsonb, uuid[], integer[]) is
'Indexed entries matching a query and a containment, those of waiting blocks left out.';
revoke all on function core.match_entries(uuid, tsquery, jsonb, uuid[], integer[]) from public;

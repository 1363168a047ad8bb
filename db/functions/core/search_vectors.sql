-- core.search_vectors: pages by nearness of their blocks' vectors to a query's, each with its nearest block. Through
-- the model's own partial index: its name and dimension have to be literals for the planner, so the statement is made
-- here. Fresh vectors are in none (indexing.write_entries) and are compared exactly, all of the workspace. With a
-- containment the matching blocks are found first and compared exactly. What is farther than 0.95 is no neighbour.
create or replace function core.search_vectors(
    p_workspace_id uuid,
    p_model text,
    p_dimensions integer,
    p_embedding public.vector,
    p_contains jsonb,
    p_limit integer
)
returns table (page_id uuid, no integer, place bigint)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_type constant text := case when p_dimensions > 2000 and p_dimensions <= 4000 then 'halfvec' else 'vector' end;
    v_distance constant text := format(
        '(e.vec::public.%1$s(%2$s)) operator(public.<=>) ($1::public.%1$s(%2$s))', v_type, p_dimensions
    );
    v_nearest text;
begin
    if p_contains is not null then
        v_nearest := 'select e.page_id, e.no, coalesce(e.vec, e.fresh_vec) operator(public.<=>) $1 as distance'
            || ' from (select s.page_id, s.no from core.search_entries as s where s.workspace_id = $2 and s.data @> $4'
            || ' limit 5000) as s'
            || ' inner join core.block_embeddings as e'
            || ' on e.workspace_id = $2 and e.page_id = s.page_id and e.no = s.no and e.model = %2$L'
            || ' order by distance limit $3';
    else
        v_nearest := 'select u.page_id, u.no, u.distance from ('
            || '(select e.page_id, e.no, %1$s as distance from core.block_embeddings as e'
            || ' where e.vec is not null and e.model = %2$L and e.workspace_id = $2 order by %1$s limit $3)'
            || ' union all'
            || ' (select f.page_id, f.no, f.fresh_vec operator(public.<=>) $1 as distance'
            || ' from core.block_embeddings as f'
            || ' where f.vec is null and f.model = %2$L and f.workspace_id = $2 order by distance limit $3)'
            || ') as u order by u.distance limit $3';
        -- else a small workspace's blocks are filtered out of the nearest of all
        if (select string_to_array(split_part(x.extversion, '-', 1), '.')::integer[] >= '{0,8}'
            from pg_extension as x where x.extname = 'vector') then
            perform set_config('hnsw.iterative_scan', 'relaxed_order', true);
        end if;
    end if;
    return query execute
        'with nearest as materialized (' || format(v_nearest, v_distance, p_model) || ')'
        || ' select s.page_id, s.no, row_number() over (order by s.distance, s.page_id)'
        || ' from (select distinct on (n.page_id) n.page_id, n.no, n.distance from nearest as n'
        -- subqueries for a value, not joins: look-ups by key, whatever the statistics say
        || ' where n.distance < 0.95'
        || ' and (select p.deleted_at is null from core.pages as p where p.workspace_id = $2 and p.id = n.page_id)'
        || ' and (n.no = 0 or (select true from core.blocks as b'
        || ' where b.workspace_id = $2 and b.page_id = n.page_id'
        || ' and b.no between n.no and n.no order by b.no limit 1))'
        || ' order by n.page_id, n.distance) as s order by 3'
    using p_embedding, p_workspace_id, p_limit, p_contains;
end;
$$;

comment on function core.search_vectors(uuid, text, integer, public.vector, jsonb, integer) is
'Pages by cosine distance of their blocks'' vectors in order, each with its nearest block.';
revoke all on function core.search_vectors(uuid, text, integer, public.vector, jsonb, integer) from public;

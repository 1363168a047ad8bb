-- indexing.settle_vectors: moves fresh vectors that have not changed for a minute into their model's approximate index
-- (from fresh_vec to vec), p_limit at most: an HNSW index takes milliseconds each. One that a worker is just writing is
-- passed over. Counts what stays fresh, which decides where new vectors go (indexing.write_entries), when the last
-- count is some seconds old: it takes as long as settling fifty. settled: how many; more: whether as many as may be
-- were, so that there may be more.
create or replace function indexing.settle_vectors(
    p_limit integer
)
returns table (settled bigint, more boolean)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- the partial index, whatever the statistics say
set enable_seqscan = off
as $$
declare
    v_now constant timestamptz := core.clock();
    v_quiet_since constant timestamptz := v_now - interval '1 minute';
begin
    with quiet as materialized (
        select e.workspace_id, e.page_id, e.no, e.model
        from core.block_embeddings as e
        where e.vec is null and e.fresh_since < v_quiet_since
        limit p_limit
        for update skip locked
    )

    update core.block_embeddings as e
    set vec = e.fresh_vec, fresh_vec = null, fresh_since = null
    from quiet as q
    where e.workspace_id = q.workspace_id and e.page_id = q.page_id and e.no = q.no and e.model = q.model;
    get diagnostics settled = row_count;
    more := settled >= p_limit;

    update core.embedding_models as m
    set fresh_vectors = s.fresh, fresh_counted_at = v_now
    from (
        select a.name, count(e.model) as fresh
        from core.embedding_models as a
        left join core.block_embeddings as e on e.model = a.name and e.vec is null
        where a.fresh_counted_at < v_now - interval '4 seconds'
        group by a.name
    ) as s
    where m.name = s.name;
    return next;
end;
$$;

comment on function indexing.settle_vectors(integer) is
'Moves vectors that were quiet for a minute into their approximate index, and counts the fresh ones by model.';
revoke all on function indexing.settle_vectors(integer) from public;

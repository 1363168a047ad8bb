-- ops.reembedding_progress: the models that have vectors or are to have them, with how far each is. Counts all texts
-- and vectors: some seconds on millions of them. total: indexed texts; missing: without an up-to-date vector; dead:
-- those without one whose entry is a dead letter, which missing leaves out; waiting: entries of the queue behind all
-- others (re-embedding).
create or replace function ops.reembedding_progress()
returns table (
    model text,
    dimensions integer,
    state text,
    config jsonb,
    created_at timestamptz,
    total bigint,
    vectors bigint,
    missing bigint,
    dead bigint,
    waiting bigint
)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
    with texts as materialized (
        select count(*) as total
        from core.search_entries as e
        inner join core.pages as p on p.workspace_id = e.workspace_id and p.id = e.page_id
        where e.body <> '' and p.deleted_at is null
    ),
    vectors as materialized (
        select v.model, count(*) as vectors from core.block_embeddings as v group by v.model
    ),
    queue as materialized (
        select count(*) as waiting from core.indexing_queue as q where q.priority >= 300
    )
    select
        m.name, m.dimensions, m.state, m.config, m.created_at, t.total, coalesce(v.vectors, 0),
        core.count_missing_vectors(m.name, null), l.dead, q.waiting
    from core.embedding_models as m
    cross join texts as t
    cross join queue as q
    cross join lateral (
        select count(*) as dead
        from core.indexing_dead_letters as d
        inner join core.search_entries as e
            on e.workspace_id = d.workspace_id and e.page_id = d.page_id and e.no = d.no
        inner join core.pages as p on p.workspace_id = e.workspace_id and p.id = e.page_id
        where e.body <> ''
            and p.deleted_at is null
            and not exists (
                select 1 from core.block_embeddings as b
                where b.workspace_id = e.workspace_id and b.page_id = e.page_id and b.no = e.no and b.model = m.name
                    and b.ver >= e.ver
            )
    ) as l
    left join vectors as v on v.model = m.name
    where m.dropped_at is null and (m.state <> 'retired' or v.vectors > 0)
    order by m.state, m.name;
$$;

comment on function ops.reembedding_progress() is
'Models with vectors or to have them: texts in all, vectors, missing, dead letters, waiting. Counts all.';
revoke all on function ops.reembedding_progress() from public;
grant execute on function ops.reembedding_progress() to quire_monitor;

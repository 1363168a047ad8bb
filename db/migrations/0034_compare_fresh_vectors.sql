-- squawk-ignore-file ban-drop-not-null
-- A vector is written beside the approximate index first and moves into it when its block has been quiet for a while:
-- an insert into an HNSW index costs milliseconds and each rewrite leaves a dead element that all later inserts and
-- searches pass, and that vacuum repairs the graph around. HNSW does not take NULLs, so that indexes stay as they are.
-- Nobody meets a NULL unprepared: functions alone write and read them, and they change together.
set local role quire_owner;

alter table core.block_embeddings
add column fresh_vec public.vector,
add column fresh_since timestamptz,
alter column vec drop not null;
alter table core.block_embeddings
add constraint block_embeddings_vec_ck check (
    (vec is null) = (fresh_vec is not null) and (vec is null) = (fresh_since is not null)
) not valid;
-- Vacuum repairs the graph around each dead element, as dear as inserting its neighbours anew, and counts each page it
-- looks at there: seldom, then, and not held back so much that dead elements come faster than it gets on.
alter table core.block_embeddings set (
    -- room for a new version of a row beside the three that a page of 384 dimensions takes: HOT
    fillfactor = 75,
    autovacuum_vacuum_scale_factor = 1, autovacuum_vacuum_insert_scale_factor = 1,
    autovacuum_vacuum_cost_limit = 2000, autovacuum_analyze_scale_factor = 0.2
);
comment on table core.block_embeddings is
'Vectors of blocks, one a model. A model''s approximate index is partial and on a cast to its dimension; a vector moves
into it (from fresh_vec to vec) when it has not changed for a while, until then it is compared exactly.';
comment on column core.block_embeddings.vec is 'The vector, unit length; NULL while it is fresh.';
comment on column core.block_embeddings.fresh_vec is
'The vector, unit length, while it is in no approximate index; then NULL.';
comment on column core.block_embeddings.fresh_since is 'When fresh_vec was written; NULL with it.';

alter table core.embedding_models add column fresh_vectors bigint not null default 0;
comment on column core.embedding_models.fresh_vectors is
'Vectors compared exactly, as last counted by indexing.settle_vectors. Beyond core.most_fresh new ones are not added.';

insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement) values
(
    'settle_vectors', '5 seconds', 300, 'transaction', 'moves quiet vectors into their approximate index',
    'select settled as rows, more from indexing.settle_vectors(50)'
);

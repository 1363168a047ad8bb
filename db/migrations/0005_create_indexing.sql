-- The indexing queue and what it feeds.
set local role quire_owner;

create sequence core.indexing_seq as bigint cache 1;
comment on sequence core.indexing_seq is 'Order of arrival in the queue; a retry draws a new number.';

create table core.indexing_queue (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    op text not null default 'upsert',
    lane smallint not null default 0,
    priority smallint not null default 100,
    seq bigint not null default nextval('core.indexing_seq'),
    generation integer not null default 1,
    attempts smallint not null default 0,
    run_at timestamptz not null,
    enqueued_at timestamptz not null,
    lease_id uuid,
    lease_until timestamptz,
    last_error text,
    constraint indexing_queue_pk primary key (workspace_id, page_id, no),
    constraint indexing_queue_op_ck check (op in ('upsert', 'delete')),
    constraint indexing_queue_lane_ck check (lane in (0, 1)),
    constraint indexing_queue_lease_ck check ((lease_id is null) = (lease_until is null))
) with (
    fillfactor = 60,
    autovacuum_vacuum_scale_factor = 0,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    vacuum_truncate = off
);
create index indexing_queue_ready_ix on core.indexing_queue (lane, priority, seq);
create index indexing_queue_leased_ix on core.indexing_queue (lease_id) where lease_id is not null;
comment on table core.indexing_queue is
'Blocks whose index entry is behind: pending, leased (processing) and backing off. The key coalesces: a second edit of a
waiting block adds nothing. Finished rows move to core.indexing_done, dead ones to core.indexing_dead_letters;
ops.indexing_entries shows all of them. No foreign key to blocks: its row locks would be traffic on every save.';
comment on column core.indexing_queue.workspace_id is 'Workspace.';
comment on column core.indexing_queue.page_id is 'Page.';
comment on column core.indexing_queue.no is 'Block number; 0 is title and properties.';
comment on column core.indexing_queue.op is 'upsert or delete.';
comment on column core.indexing_queue.lane is
'0 batched; 1 suspect (its last attempt failed or lost its worker): claimed one row at a time.';
comment on column core.indexing_queue.priority is '0 interactive, 100 edit, 200 import, 300 re-embed; lower first.';
comment on column core.indexing_queue.seq is
'Order within a priority: of arrival in lane 0; in lane 1 the time it is due, in microseconds, so that what backs off
does not sit at the head of the ready index.';
comment on column core.indexing_queue.generation is
'Raised by an edit while the row is leased; an ack of an older generation does not remove it.';
comment on column core.indexing_queue.attempts is
'Claims so far; counted at claim, so a row that kills workers is bounded. Dead after 3.';
comment on column core.indexing_queue.run_at is 'Not claimed before (backoff, settling).';
comment on column core.indexing_queue.enqueued_at is 'When the oldest unindexed edit came.';
comment on column core.indexing_queue.lease_id is 'Batch that holds the row; NULL when nobody does.';
comment on column core.indexing_queue.lease_until is 'When the lease runs out and the sweep takes the row back.';
comment on column core.indexing_queue.last_error is 'What the last failed attempt said.';
comment on index core.indexing_queue_pk is 'Coalescing key; range scan for what still waits in a workspace (search).';
comment on index core.indexing_queue_ready_ix is
'Claim order. No lease, attempts or run_at in it: a claim does not move the entry.';
comment on index core.indexing_queue_leased_ix is 'Rows of a lease, and of all leases for the sweep.';

create table core.indexing_dead_letters (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    op text not null,
    generation integer not null,
    attempts smallint not null,
    enqueued_at timestamptz not null,
    died_at timestamptz not null,
    error_code text not null,
    error text not null,
    constraint indexing_dead_letters_pk primary key (workspace_id, page_id, no)
);
comment on table core.indexing_dead_letters is
'Entries that failed three times. An edit of the block heals its dead letter.';
comment on column core.indexing_dead_letters.workspace_id is 'Workspace.';
comment on column core.indexing_dead_letters.page_id is 'Page.';
comment on column core.indexing_dead_letters.no is 'Block number; 0 is title and properties.';
comment on column core.indexing_dead_letters.op is 'upsert or delete.';
comment on column core.indexing_dead_letters.generation is 'Generation of the queue row when it died.';
comment on column core.indexing_dead_letters.attempts is 'How often it was tried.';
comment on column core.indexing_dead_letters.enqueued_at is 'When the edit came.';
comment on column core.indexing_dead_letters.died_at is 'When it was given up.';
comment on column core.indexing_dead_letters.error_code is 'Kind of failure: lease_expired, provider_refused, ...';
comment on column core.indexing_dead_letters.error is 'What the last attempt said.';
comment on index core.indexing_dead_letters_pk is 'Dead letter of a block.';

create table core.indexing_done (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    op text not null,
    attempts smallint not null,
    enqueued_at timestamptz not null,
    processed_at timestamptz not null
) partition by range (processed_at);
comment on table core.indexing_done is
'Finished entries, kept 7 days in daily partitions: retention drops a partition. No key: nothing looks a row up.';
comment on column core.indexing_done.workspace_id is 'Workspace.';
comment on column core.indexing_done.page_id is 'Page.';
comment on column core.indexing_done.no is 'Block number; 0 is title and properties.';
comment on column core.indexing_done.op is 'upsert or delete.';
comment on column core.indexing_done.attempts is 'Claims it took.';
comment on column core.indexing_done.enqueued_at is 'When the edit came.';
comment on column core.indexing_done.processed_at is
'When it was acked; processed_at - enqueued_at is the index lag it had.';

create table core.indexing_done_default partition of core.indexing_done default;
comment on table core.indexing_done_default is
'Catches rows no daily partition takes. Not empty means that ops.ensure_partitions did not run.';

create table core.indexing_counters (
    name text not null,
    value bigint not null,
    constraint indexing_counters_pk primary key (name)
);
comment on table core.indexing_counters is
'Cumulative counts for metrics (Prometheus counters), written by the worker once a batch.';
comment on column core.indexing_counters.name is 'done, failed, dead, lease_expired.';
comment on column core.indexing_counters.value is 'Since installation.';
comment on index core.indexing_counters_pk is 'Counter by name.';
insert into core.indexing_counters (name, value) values ('lease_expired', 0), ('dead', 0);

create table core.search_entries (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    block_id text collate "C" not null,
    type text not null,
    ver bigint not null,
    body text not null,
    body_tsv tsvector not null,
    data jsonb not null,
    indexed_at timestamptz not null,
    constraint search_entries_pk primary key (workspace_id, page_id, no)
);
create index search_entries_text_ix on core.search_entries using gin (body_tsv);
create index blocks_data_gin_idx on core.search_entries using gin (data jsonb_path_ops);
comment on table core.search_entries is
'What search reads: text and data of blocks as last indexed, beside the hot tables so that saves stay HOT. Fed by the
queue.';
comment on column core.search_entries.workspace_id is 'Workspace.';
comment on column core.search_entries.page_id is 'Page.';
comment on column core.search_entries.no is 'Block number; 0 is the title (body) and the properties (data).';
comment on column core.search_entries.block_id is 'Id of the block; empty for number 0.';
comment on column core.search_entries.type is 'Type of the block; page for number 0.';
comment on column core.search_entries.ver is
'Content version (core.blocks.ver) the entry was made of; a write of an older one is refused.';
comment on column core.search_entries.body is 'Plain text: snippets are cut from it.';
comment on column core.search_entries.body_tsv is 'Lexemes: title weight A, headings B, other text C.';
comment on column core.search_entries.data is 'The block''s data, for containment (@>).';
comment on column core.search_entries.indexed_at is 'When it was written.';
comment on index core.search_entries_pk is 'Entry of a block.';
comment on index core.search_entries_text_ix is 'Full text.';
comment on index core.blocks_data_gin_idx is 'JSONB containment on block data.';

create table core.embedding_models (
    name text not null,
    dimensions integer not null,
    state text not null,
    created_at timestamptz not null,
    constraint embedding_models_pk primary key (name),
    constraint embedding_models_dimensions_ck check (dimensions between 1 and 16000),
    constraint embedding_models_state_ck check (state in ('active', 'shadow', 'retired'))
);
comment on table core.embedding_models is 'Models that vectors were made by.';
comment on column core.embedding_models.name is 'For example hashing-384 or text-embedding-3-small.';
comment on column core.embedding_models.dimensions is 'Length of its vectors.';
comment on column core.embedding_models.state is
'active is what search uses; shadow is being filled; retired may be dropped.';
comment on column core.embedding_models.created_at is 'When it was registered.';
comment on index core.embedding_models_pk is 'Model by name.';
insert into core.embedding_models (name, dimensions, state, created_at) values ('hashing-384', 384, 'active', now());

create table core.block_embeddings (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    model text not null,
    ver bigint not null,
    text_hash bytea not null,
    vec public.vector not null,
    constraint block_embeddings_pk primary key (workspace_id, page_id, no, model)
);
create index block_embeddings_hashing_384_ix on core.block_embeddings
using hnsw ((vec::public.vector(384)) public.vector_cosine_ops) where model = 'hashing-384';
comment on table core.block_embeddings is
'Vectors of blocks, one a model. A model''s approximate index is partial and on a cast to its dimension.';
comment on column core.block_embeddings.workspace_id is 'Workspace.';
comment on column core.block_embeddings.page_id is 'Page.';
comment on column core.block_embeddings.no is 'Block number; 0 is the title.';
comment on column core.block_embeddings.model is 'core.embedding_models.name.';
comment on column core.block_embeddings.ver is 'Content version the vector was made of.';
comment on column core.block_embeddings.text_hash is
'sha256 of the embedded text: the same text is not embedded again.';
comment on column core.block_embeddings.vec is 'The vector, unit length.';
comment on index core.block_embeddings_pk is 'Vector of a block by a model.';
comment on index core.block_embeddings_hashing_384_ix is 'Nearest neighbours by cosine distance, default model (HNSW).';

-- A lease is a row a batch, not a mark on each of its entries: renewed by one update, swept by a look at a small table,
-- and a claim no longer touches an index of the queue. Beside it the breaker, the pause and what dead letters group by.
set local role quire_owner;
-- squawk-ignore-file ban-drop-view, ban-drop-constraint, ban-drop-column, require-concurrent-index-deletion

create table core.indexing_leases (
    lease_id uuid not null,
    worker_id uuid,
    expires_at timestamptz not null,
    workspace_ids uuid[] not null,
    page_ids uuid[] not null,
    nos integer[] not null,
    generations integer[] not null,
    vers bigint[] not null,
    text_hashes bytea[] not null,
    constraint indexing_leases_pk primary key (lease_id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, vacuum_truncate = off);
comment on table core.indexing_leases is
'Batches that workers hold, a row each. An entry of a batch is named by its place (1 is the first) in the arrays, which
are in key order. Goes with the ack of the whole batch, its release, or the sweep once it has expired.';
comment on column core.indexing_leases.lease_id is 'Chosen by the worker; core.indexing_queue.lease_id of its entries.';
comment on column core.indexing_leases.worker_id is 'Worker process that holds it; NULL when it did not say.';
comment on column core.indexing_leases.expires_at is 'When the sweep takes the batch back; put off by renewals.';
comment on column core.indexing_leases.workspace_ids is 'Workspace of each entry.';
comment on column core.indexing_leases.page_ids is 'Page of each entry.';
comment on column core.indexing_leases.nos is 'Block number of each entry.';
comment on column core.indexing_leases.generations is
'Generation at the claim: another one at the ack means edited meanwhile.';
comment on column core.indexing_leases.vers is
'Content version that was read after the claim; NULL: gone, to be removed from search.';
comment on column core.indexing_leases.text_hashes is
'sha256 of the text that was read; NULL where no vector is wanted because the content version has its vectors already.';
comment on index core.indexing_leases_pk is 'Lease of a batch.';

-- Batches of workers of the release before come back at once; their acks find nothing.
update core.indexing_queue set lease_id = null, lease_until = null where lease_id is not null;
-- The view comes back with its file.
drop view if exists ops.indexing_entries;
drop index core.indexing_queue_leased_ix;
alter table core.indexing_queue
drop constraint indexing_queue_lease_ck,
drop column lease_until;
-- Room for a second version of each row: a batch is claimed out of full blocks, and all of it is to be HOT.
alter table core.indexing_queue set (fillfactor = 45);
comment on column core.indexing_queue.lease_id is
'Batch that holds the entry (core.indexing_leases); NULL when nobody does.';
comment on index core.indexing_queue_ready_ix is
'Claim order. No lease, attempts or run_at in it: a claim moves no entry of any index (HOT).';

-- Exactly four: the watermark of a claim counts within one priority.
update core.indexing_queue
set priority = case when priority < 100 then 0 when priority < 200 then 100 when priority < 300 then 200 else 300 end
where priority not in (0, 100, 200, 300);
alter table core.indexing_queue
add constraint indexing_queue_priority_ck check (priority in (0, 100, 200, 300)) not valid;

alter table core.indexing_counters drop constraint indexing_counters_pk;
alter table core.indexing_counters add column stripe smallint not null default 0;
-- squawk-ignore constraint-missing-not-valid, adding-serial-primary-key-field
alter table core.indexing_counters add constraint indexing_counters_pk primary key (name, stripe);
comment on table core.indexing_counters is
'Cumulative counts for metrics (Prometheus counters), written once a batch; a counter is the sum of its stripes.';
comment on column core.indexing_counters.stripe is
'0 to 15, by the writer''s process: workers that finish at one moment do not wait for each other''s commit.';
comment on index core.indexing_counters_pk is 'Stripes of a counter.';

create table core.indexing_breakers (
    model text not null,
    outages integer not null,
    open_until timestamptz not null,
    reason text not null,
    changed_at timestamptz not null,
    constraint indexing_breakers_pk primary key (model)
);
comment on table core.indexing_breakers is
'Circuit breaker of each embedding model''s provider, shared by all workers. No row, or no outages: closed.';
comment on column core.indexing_breakers.model is 'core.embedding_models.name.';
comment on column core.indexing_breakers.outages is 'Outages in a row; each doubles the wait. 0: closed.';
comment on column core.indexing_breakers.open_until is
'Nobody asks the provider before; then one worker does (half-open), and its answer closes or opens it again.';
comment on column core.indexing_breakers.reason is 'What the last outage said.';
comment on column core.indexing_breakers.changed_at is 'When it was last opened or closed.';
comment on index core.indexing_breakers_pk is 'Breaker of a model.';

create table core.indexing_control (
    only_row boolean not null default true,
    paused boolean not null default false,
    paused_at timestamptz,
    paused_by text,
    reason text,
    constraint indexing_control_pk primary key (only_row),
    constraint indexing_control_only_row_ck check (only_row)
);
insert into core.indexing_control default values;
comment on table core.indexing_control is 'What operators tell the workers. One row.';
comment on column core.indexing_control.only_row is 'Always true: there is one row.';
comment on column core.indexing_control.paused is 'Nothing is claimed while true; what is leased is finished.';
comment on column core.indexing_control.paused_at is 'Since when.';
comment on column core.indexing_control.paused_by is 'Who paused it.';
comment on column core.indexing_control.reason is 'Why, as they said.';
comment on index core.indexing_control_pk is 'The one row.';

alter table core.indexing_dead_letters add column fingerprint text not null default '';
update core.indexing_dead_letters
set fingerprint = left(encode(sha256(convert_to(error_code, 'UTF8')), 'hex'), 16);
comment on column core.indexing_dead_letters.fingerprint is
'core.error_fingerprint of code and error: equal for errors that differ in numbers, ids and quoted text only.';
-- squawk-ignore require-concurrent-index-creation
create index indexing_dead_letters_fingerprint_ix on core.indexing_dead_letters (fingerprint, died_at);
comment on index core.indexing_dead_letters_fingerprint_ix is 'Groups of dead letters, oldest first.';

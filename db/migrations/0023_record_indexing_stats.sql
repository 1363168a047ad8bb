-- The indexing queue over time, the workers that drain it, and how many of them there should be.
set local role quire_owner;

create table core.indexing_stats (
    at timestamptz not null,
    measured_at timestamptz not null,
    ready bigint not null,
    processing bigint not null,
    backing_off bigint not null,
    dead bigint not null,
    oldest_ready_seconds double precision not null,
    lag_seconds double precision not null,
    done_total bigint not null,
    failed_total bigint not null,
    dead_total bigint not null,
    workers integer not null,
    dead_tuples bigint not null,
    oldest_xmin_seconds double precision not null,
    exact boolean not null,
    arrival_rate double precision,
    service_rate double precision,
    worker_rate double precision,
    stalled boolean not null default false,
    heads bigint[] not null,
    last_seq bigint not null,
    next_xid bigint not null,
    constraint indexing_stats_pk primary key (at)
);
comment on table core.indexing_stats is
'The indexing queue every 10 seconds, one row however many workers run (ops.record_indexing_stats); kept 7 days. Rates,
and how many workers are wanted, are read from here.';
comment on column core.indexing_stats.at is 'Begin of the 10 seconds that the row is for.';
comment on column core.indexing_stats.measured_at is 'When it was measured.';
comment on column core.indexing_stats.ready is 'Entries that could be claimed.';
comment on column core.indexing_stats.processing is 'Entries that a worker holds.';
comment on column core.indexing_stats.backing_off is 'Entries that are due later.';
comment on column core.indexing_stats.dead is 'Dead letters.';
comment on column core.indexing_stats.oldest_ready_seconds is 'Age of the oldest entry that could be claimed.';
comment on column core.indexing_stats.lag_seconds is
'Age of the oldest edit that search has not indexed, whoever holds it; re-embedding does not count.';
comment on column core.indexing_stats.done_total is 'Entries finished since installation.';
comment on column core.indexing_stats.failed_total is 'Failed attempts since installation.';
comment on column core.indexing_stats.dead_total is 'Entries given up since installation.';
comment on column core.indexing_stats.workers is 'Worker processes that had reported within 30 seconds.';
comment on column core.indexing_stats.dead_tuples is 'Dead rows in the queue''s table, as PostgreSQL estimates.';
comment on column core.indexing_stats.oldest_xmin_seconds is
'Since when somebody (session, prepared transaction, replication slot) keeps vacuum from removing dead rows.';
comment on column core.indexing_stats.exact is 'Whether the depth was counted; otherwise it is an estimate.';
comment on column core.indexing_stats.arrival_rate is
'Entries a second that came, over the last minute; coalesced edits add nothing. NULL: nothing to compare with.';
comment on column core.indexing_stats.service_rate is 'Entries a second that were finished or given up, likewise.';
comment on column core.indexing_stats.worker_rate is
'Entries a second that one worker manages when it has enough to do, as seen so far. NULL: never seen yet.';
comment on column core.indexing_stats.stalled is
'Entries were due and workers there, and nothing was finished: the provider is out or indexing is paused.';
comment on column core.indexing_stats.heads is
'No live entry of lane 0 has a smaller seq; by priority 0, 100, 200, 300. Lets the oldest entry be found behind dead
rows that vacuum may not remove.';
comment on column core.indexing_stats.last_seq is 'Last number that core.indexing_seq had given out.';
comment on column core.indexing_stats.next_xid is 'Next transaction id: dates the xmin of replication slots.';
comment on index core.indexing_stats_pk is 'Newest rows, and retention.';

create table core.indexing_workers (
    id uuid not null,
    host text not null,
    pid integer not null,
    started_at timestamptz not null,
    seen_at timestamptz not null,
    concurrency integer not null,
    models text[] not null,
    done bigint not null,
    constraint indexing_workers_pk primary key (id)
) with (fillfactor = 50);
comment on table core.indexing_workers is
'Worker processes. Each reports every 10 seconds (indexing.heartbeat) and leaves when it stops; one that was killed
counts no more after 30 seconds and is removed after a minute.';
comment on column core.indexing_workers.id is 'Made by the process at its start.';
comment on column core.indexing_workers.host is 'Name of its machine.';
comment on column core.indexing_workers.pid is 'Its process id there.';
comment on column core.indexing_workers.started_at is 'When it first reported.';
comment on column core.indexing_workers.seen_at is 'When it last reported.';
comment on column core.indexing_workers.concurrency is 'Batches that it works on at once.';
comment on column core.indexing_workers.models is 'Embedding models that it makes vectors with.';
comment on column core.indexing_workers.done is 'Entries that it has worked on since its start.';
comment on index core.indexing_workers_pk is 'Worker by id.';

create table core.indexing_scaling (
    id boolean not null default true,
    target_seconds double precision not null default 60,
    cooldown_seconds double precision not null default 300,
    provider_limit double precision,
    constraint indexing_scaling_pk primary key (id),
    constraint indexing_scaling_id_ck check (id),
    constraint indexing_scaling_target_ck check (target_seconds > 0),
    constraint indexing_scaling_cooldown_ck check (cooldown_seconds >= 0),
    constraint indexing_scaling_provider_ck check (provider_limit > 0)
);
insert into core.indexing_scaling default values;
comment on table core.indexing_scaling is
'How many workers are wanted: settings, one row; ops.set_indexing_scaling changes them.';
comment on column core.indexing_scaling.id is 'true: there is one row.';
comment on column core.indexing_scaling.target_seconds is 'Within how many seconds a backlog is to be gone.';
comment on column core.indexing_scaling.cooldown_seconds is 'How long fewer must be wanted before fewer are asked for.';
comment on column core.indexing_scaling.provider_limit is
'Entries a second that the embedding provider takes from all workers together; more workers than that feeds are never
wanted. NULL: no limit.';
comment on index core.indexing_scaling_pk is 'One row.';

update ops.periodic_tasks set enabled = true where task = 'record_indexing_stats';

-- What runs when: one list that both schedulers read, procrastinate and, where a server has it, pg_cron; who of them is
-- in charge; what came of it.
set local role quire_owner;

create table ops.periodic_tasks (
    task text not null,
    about text not null,
    cron text not null,
    max_late_seconds integer not null,
    runs_in text not null,
    statement text,
    relation text,
    keep_hours integer,
    preview text,
    enabled boolean not null default true,
    added_at timestamptz not null default now(),
    constraint periodic_tasks_pk primary key (task),
    constraint periodic_tasks_task_ck check (task ~ '^[a-z][a-z0-9_]*$'),
    constraint periodic_tasks_cron_ck check (
        cron ~ '^(1|2|3|4|5|6|10|12|15|20|30) seconds$' or cron ~ '^[-0-9*/,]+( [-0-9*/,]+){4}$'
    ),
    constraint periodic_tasks_late_ck check (max_late_seconds > 0),
    constraint periodic_tasks_runs_ck check (runs_in in ('transaction', 'session', 'worker')),
    constraint periodic_tasks_statement_ck check ((statement is null) = (runs_in = 'worker')),
    constraint periodic_tasks_keep_ck check (keep_hours > 0),
    constraint periodic_tasks_preview_ck check ((preview is null) = (relation is null))
);
comment on table ops.periodic_tasks is
'What runs when. Workers read it at their start; `quire schedule pg_cron` hands it to pg_cron, again
after a change.';
comment on column ops.periodic_tasks.task is 'Name.';
comment on column ops.periodic_tasks.about is 'What it does, in a sentence.';
comment on column ops.periodic_tasks.cron is
'When: "N seconds" (N a divisor of 60, below 60) or five fields of cron in UTC, both as pg_cron writes them.';
comment on column ops.periodic_tasks.max_late_seconds is 'It is late when its last success is longer ago.';
comment on column ops.periodic_tasks.runs_in is
'transaction: by ops.run_periodic; session: a statement that no transaction may hold (VACUUM), sent by whoever is in
charge; worker: a job of the worker process, whoever is in charge.';
comment on column ops.periodic_tasks.statement is
'What is run. In a transaction: a query of one row, at most; its columns rows (how many it did), more (whether there is
more to do at once) and bookmark ($1 of its next run, jsonb) are taken as that, the others go to purge_runs.details.';
comment on column ops.periodic_tasks.relation is
'Of retention: the table that it takes rows from; NULL when it is not retention. `quire purge` runs those.';
comment on column ops.periodic_tasks.keep_hours is 'Age that it goes by, in hours: core.retention_floor.';
comment on column ops.periodic_tasks.preview is
'A query of one row, partitions and rows: what would go now. Reads only.';
comment on column ops.periodic_tasks.enabled is 'False: nobody runs it, and it is never late.';
comment on column ops.periodic_tasks.added_at is 'It cannot be late for longer than it is there.';
comment on index ops.periodic_tasks_pk is 'Tasks by name.';

create table ops.periodic_progress (
    task text not null,
    last_run_at timestamptz not null,
    last_success_at timestamptz,
    last_scheduler text not null,
    last_sqlstate text,
    last_error text,
    more boolean not null default false,
    bookmark jsonb,
    runs_total bigint not null default 0,
    failures_total bigint not null default 0,
    rows_total bigint not null default 0,
    constraint periodic_progress_pk primary key (task),
    constraint periodic_progress_task_fk foreign key (task) references ops.periodic_tasks (task) on delete cascade
) with (fillfactor = 50);
comment on table ops.periodic_progress is 'How far each periodic task is: one row, written by each of its runs.';
comment on column ops.periodic_progress.task is 'ops.periodic_tasks.task.';
comment on column ops.periodic_progress.last_run_at is 'When its last run began, well or not.';
comment on column ops.periodic_progress.last_success_at is 'When its last run that ended well began.';
comment on column ops.periodic_progress.last_scheduler is 'Who started the last run.';
comment on column ops.periodic_progress.last_sqlstate is 'SQLSTATE of the last run''s error; NULL when it ended well.';
comment on column ops.periodic_progress.last_error is 'What the last run''s error said; NULL when it ended well.';
comment on column ops.periodic_progress.more is 'It did as much as one transaction may; there is more to do.';
comment on column ops.periodic_progress.bookmark is 'Where its next run goes on; its own matter.';
comment on column ops.periodic_progress.runs_total is 'Runs since it was added.';
comment on column ops.periodic_progress.failures_total is 'Runs that ended in an error.';
comment on column ops.periodic_progress.rows_total is 'What its runs did in all; of retention, rows taken away.';
comment on index ops.periodic_progress_pk is 'Progress of a task; supports the foreign key.';

create table ops.purge_runs (
    id bigint not null generated always as identity,
    hour timestamptz not null,
    task text not null,
    scheduler text not null,
    sqlstate text,
    error text,
    runs integer not null,
    rows bigint not null,
    seconds double precision not null,
    started_at timestamptz not null,
    finished_at timestamptz not null,
    details jsonb,
    constraint purge_runs_pk primary key (id),
    constraint purge_runs_hour_uq unique nulls not distinct (hour, task, scheduler, sqlstate),
    constraint purge_runs_scheduler_ck check (scheduler in ('procrastinate', 'pg_cron', 'command'))
) with (fillfactor = 70);
comment on table ops.purge_runs is
'Every run of periodic work, counted: the runs of a task in one hour by one scheduler are one row, those that failed a
row of their own for each SQLSTATE. So a task of each hour has a row a run, one of every 2 seconds a row an hour.';
comment on column ops.purge_runs.id is 'Number of the row.';
comment on column ops.purge_runs.hour is 'The hour (UTC) in which they began.';
comment on column ops.purge_runs.task is 'ops.periodic_tasks.task at that time.';
comment on column ops.purge_runs.scheduler is 'Who started them: procrastinate, pg_cron, or command (`quire purge`).';
comment on column ops.purge_runs.sqlstate is 'SQLSTATE of their error; NULL: they ended well.';
comment on column ops.purge_runs.error is 'What the last of them said.';
comment on column ops.purge_runs.runs is 'How many runs the row stands for.';
comment on column ops.purge_runs.rows is 'What they did in all; rows of dropped partitions are an estimate.';
comment on column ops.purge_runs.seconds is 'Time that they took in all.';
comment on column ops.purge_runs.started_at is 'When the first of them began.';
comment on column ops.purge_runs.finished_at is 'When the last of them ended.';
comment on column ops.purge_runs.details is 'What else the last one that did something said.';
comment on index ops.purge_runs_pk is 'Rows by number.';
comment on index ops.purge_runs_hour_uq is 'The row that a run is added to; what retention takes.';

create table ops.periodic_control (
    singleton boolean not null default true,
    scheduler text not null,
    changed_at timestamptz not null,
    changed_by text not null,
    constraint periodic_control_pk primary key (singleton),
    constraint periodic_control_singleton_ck check (singleton),
    constraint periodic_control_scheduler_ck check (scheduler in ('procrastinate', 'pg_cron'))
);
comment on table ops.periodic_control is 'Who is to run periodic work: one row. ops.scheduler() says who does.';
comment on column ops.periodic_control.singleton is 'True: there is one row.';
comment on column ops.periodic_control.scheduler is 'procrastinate or pg_cron; set by ops.set_scheduler.';
comment on column ops.periodic_control.changed_at is 'When that was decided.';
comment on column ops.periodic_control.changed_by is 'Login that decided it.';
comment on index ops.periodic_control_pk is 'The one row.';
insert into ops.periodic_control (scheduler, changed_at, changed_by) values ('procrastinate', now(), session_user);

insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement) values
('index_tick', '2 seconds', 60, 'worker', 'wakes drains where entries are due that nobody was woken for', null),
('rescue_jobs', '30 seconds', 300, 'worker', 'clears jobs of killed workers', null),
('enqueue_missing', '17 3 * * *', 180000, 'worker', 'queues blocks that have no entry or no vector', null),
(
    'sweep_leases', '5 seconds', 60, 'transaction', 'gives back entries of lost workers',
    'select returned + dead as rows, returned + dead >= 1000 as more, dead from indexing.sweep()'
),
(
    'make_snapshots', '10 seconds', 120, 'transaction', 'makes snapshots of pages that saves have ordered',
    'select made as rows, made >= 20 as more from ops.make_snapshots(20) as made'
),
(
    'vacuum_queue', '* * * * *', 600, 'session', 'VACUUM of the hot queue table',
    'vacuum (skip_locked, truncate false) core.indexing_queue'
),
(
    'ensure_partitions', '3 * * * *', 7800, 'transaction', 'makes the partitions of the next days and months',
    'select made as rows from ops.ensure_partitions() as made'
),
(
    'sweep_recent_pages', '37 * * * *', 7800, 'transaction', 'takes old pages out of the index of recent pages',
    'select swept as rows, swept > 0 as more from ops.sweep_recent_pages(500) as swept'
);
-- enabled by the migration that brings the function
insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement, enabled) values
(
    'record_indexing_stats', '10 seconds', 120, 'transaction', 'notes depth, age and rates of the queue',
    'select 1 as rows from ops.record_indexing_stats()', false
);
insert into ops.periodic_tasks
(task, cron, max_late_seconds, runs_in, relation, keep_hours, about, statement, preview) values
(
    'purge_indexing_done', '7 * * * *', 7800, 'transaction', 'core.indexing_done', 168,
    'finished queue entries: whole days of them',
    'select partitions, dropped_rows + rows as rows, rows >= 10000 as more from ops.purge_indexing_done(10000)',
    'select partitions, rows from core.preview_indexing_done()'
),
(
    'purge_idempotency_keys', '12 * * * *', 7800, 'transaction', 'core.idempotency_keys', 24,
    'answers kept for repeated requests',
    'select gone as rows, gone >= 5000 as more from ops.purge_idempotency_keys(5000) as gone',
    'select 0 as partitions, count(*) as rows from core.idempotency_keys as k'
    ' where k.created_at < core.retention_floor(''purge_idempotency_keys'')'
),
(
    'purge_rate_buckets', '17 * * * *', 7800, 'transaction', 'core.rate_buckets', 1,
    'rate limits whose window is over',
    'select rows, more, bookmark from ops.purge_rate_buckets($1, 5000)',
    'select 0 as partitions, count(*) as rows from core.rate_buckets as b'
    ' where core.is_idle_bucket(b, core.retention_floor(''purge_rate_buckets''))'
),
(
    'purge_jobs', '22 * * * *', 7800, 'transaction', 'procrastinate.procrastinate_jobs', 24,
    'finished jobs of the executor, with their events',
    'select gone as rows, gone >= 1000 as more from ops.purge_jobs(1000) as gone',
    'select 0 as partitions, count(*) as rows from core.finished_jobs(core.retention_floor(''purge_jobs''), null)'
),
(
    'purge_deleted_pages', '27 * * * *', 7800, 'transaction', 'core.pages', 720,
    'deleted pages, with blocks, log and snapshots',
    'select gone as rows, gone >= 20 as more from ops.purge_deleted_pages(20) as gone',
    'select 0 as partitions, count(*) as rows from core.pages as p'
    ' where p.deleted_at < core.retention_floor(''purge_deleted_pages'')'
),
(
    'purge_page_history', '32 * * * *', 7800, 'transaction', 'core.page_changes', 2160,
    'log of pages: whole months that snapshots cover',
    'select months, snapshots, gone as rows, snapshots >= 20 as more from ops.purge_page_history(20)',
    'select partitions, rows from core.preview_page_history()'
),
(
    'thin_page_snapshots', '47 2 * * *', 180000, 'transaction', 'core.page_snapshots', 2160,
    'snapshots of pages, all but one a month and named ones',
    'select rows, more, bookmark from ops.thin_page_snapshots_on($1, 500)',
    'select 0 as partitions, count(*) as rows'
    ' from core.spare_snapshots(core.retention_floor(''thin_page_snapshots''))'
),
(
    'purge_runs', '52 2 * * *', 180000, 'transaction', 'ops.purge_runs', 720,
    'records of periodic work',
    'select gone as rows, gone >= 5000 as more from ops.purge_run_records(5000) as gone',
    'select 0 as partitions, count(*) as rows from ops.purge_runs as r'
    ' where r.hour < core.retention_floor(''purge_runs'')'
);

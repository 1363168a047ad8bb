-- Dead letters that operators can work with: discarded ones stay marked, alerts about groups of them are sent once an
-- hour, and what operators do is written down.
set local role quire_owner;
-- squawk-ignore-file require-concurrent-index-creation

alter table core.indexing_dead_letters add column discarded_at timestamptz;
create index indexing_dead_letters_open_ix on core.indexing_dead_letters (died_at, workspace_id, page_id, no)
where discarded_at is null;
create index indexing_dead_letters_discarded_ix on core.indexing_dead_letters (died_at, workspace_id, page_id, no)
where discarded_at is not null;
comment on table core.indexing_dead_letters is
'Entries that failed three times: at most one a block. An edit of the block heals its dead letter, a replay puts it back
into the queue; a discarded one stays, so that the block is not queued again before it is edited.';
comment on column core.indexing_dead_letters.discarded_at is
'When an operator gave the entry up; NULL: open. The block''s entry in search stays as it is until its next edit.';
comment on index core.indexing_dead_letters_open_ix is 'Open dead letters, newest first, keyset pages; counts them.';
comment on index core.indexing_dead_letters_discarded_ix is 'Discarded ones, likewise.';

create table core.indexing_alerts (
    fingerprint text not null,
    error_code text not null,
    alerted_until timestamptz not null,
    due_at timestamptz not null,
    sent_at timestamptz,
    attempts integer not null default 0,
    claim_id uuid,
    claimed_until timestamptz,
    claimed_died_at timestamptz,
    last_error text,
    constraint indexing_alerts_pk primary key (fingerprint),
    constraint indexing_alerts_claim_ck check (
        (claim_id is null) = (claimed_until is null) and (claim_id is null) = (claimed_died_at is null)
    )
);
create index indexing_alerts_claim_ix on core.indexing_alerts (claim_id) where claim_id is not null;
comment on table core.indexing_alerts is
'Alerts about groups of dead letters, one row a fingerprint: what was said when, and what is to be said. A row is
claimed, the message sent without a transaction, the row marked: killed in between, it is sent again (at least once),
and never lost.';
comment on column core.indexing_alerts.fingerprint is 'core.indexing_dead_letters.fingerprint.';
comment on column core.indexing_alerts.error_code is 'Of its newest dead letter.';
comment on column core.indexing_alerts.alerted_until is
'died_at of the newest dead letter that an alert was about; only newer ones are news.';
comment on column core.indexing_alerts.due_at is
'Nothing is sent before: an hour after the last alert, or the end of the wait after a failed try.';
comment on column core.indexing_alerts.sent_at is 'When the last alert was taken by the webhook; NULL: none yet.';
comment on column core.indexing_alerts.attempts is 'Failed tries since; each doubles the wait, up to 15 minutes.';
comment on column core.indexing_alerts.claim_id is 'The message that a worker is sending; NULL: none.';
comment on column core.indexing_alerts.claimed_until is 'From then on another worker may send it: the first is lost.';
comment on column core.indexing_alerts.claimed_died_at is 'alerted_until once that message is sent.';
comment on column core.indexing_alerts.last_error is 'Why the last try failed; never the URL.';
comment on index core.indexing_alerts_pk is 'One alert a fingerprint.';
comment on index core.indexing_alerts_claim_ix is 'Rows of a message.';

create table core.audit_log (
    id uuid not null,
    at timestamptz not null,
    actor_user_id uuid,
    actor_token_id uuid,
    actor_name text not null,
    action text not null,
    workspace_id uuid,
    details jsonb not null,
    constraint audit_log_pk primary key (id),
    constraint audit_log_action_ck check (action ~ '^[a-z_]+\.[a-z_]+$'),
    constraint audit_log_details_ck check (jsonb_typeof(details) = 'object')
);
create index audit_log_at_ix on core.audit_log (at, id);
comment on table core.audit_log is
'What operators did, written in the transaction that did it (core.write_audit). Kept 365 days (ops.purge_audit_log). No
foreign keys: it outlives users, tokens and workspaces.';
comment on column core.audit_log.id is 'UUIDv7.';
comment on column core.audit_log.at is 'When.';
comment on column core.audit_log.actor_user_id is 'Who, by the API; NULL: who was logged in to the database.';
comment on column core.audit_log.actor_token_id is 'With which token; NULL likewise.';
comment on column core.audit_log.actor_name is 'Name of the user, or of the database login, at that time.';
comment on column core.audit_log.action is 'What was done to what: dead_letters.replay, indexing.pause, ...';
comment on column core.audit_log.workspace_id is 'Where it was about one workspace.';
comment on column core.audit_log.details is 'What the action says of itself: filter, count, reason. Never a secret.';
comment on index core.audit_log_pk is 'One entry.';
comment on index core.audit_log_at_ix is 'Newest first, keyset pages; oldest first for retention.';

insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure)
values ('admin', 600, 60, 0, 'user', 'enforce', 'open')
on conflict (name) do nothing;

insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement) values
('send_alerts', '10 seconds', 120, 'worker', 'tells the webhook about new dead letters', null);
insert into ops.periodic_tasks
(task, cron, max_late_seconds, runs_in, relation, keep_hours, about, statement, preview) values
(
    'purge_audit_log', '27 3 * * *', 180000, 'transaction', 'core.audit_log', 8760,
    'what operators did',
    'select gone as rows, gone >= 1000 as more from ops.purge_audit_log(1000) as gone',
    'select 0 as partitions, count(*) as rows from core.audit_log as a'
    ' where a.at < core.retention_floor(''purge_audit_log'')'
),
(
    'purge_indexing_alerts', '29 3 * * *', 180000, 'transaction', 'core.indexing_alerts', 720,
    'alerts about groups of dead letters that are gone',
    'select gone as rows, gone >= 1000 as more from ops.purge_indexing_alerts(1000) as gone',
    'select 0 as partitions, count(*) as rows from core.indexing_alerts as a'
    ' where a.due_at < core.retention_floor(''purge_indexing_alerts'') and a.claim_id is null'
    ' and not exists (select from core.indexing_dead_letters as d where d.fingerprint = a.fingerprint)'
);

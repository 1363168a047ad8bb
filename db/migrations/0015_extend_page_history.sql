-- History that proves itself, rebase, and answers kept for repeated requests. Columns without a default: no table is
-- written. What older rows lack (NULL) is filled by the next save of their page, or by `quire verify --repair`.
set local role quire_owner;

alter table core.pages add column content_hash numeric(20, 0);
comment on column core.pages.content_hash is
'core.page_hash of the content, kept up to date by each save; NULL: not reckoned since the page came from a release
without it.';

alter table core.page_changes add column touched jsonb;
alter table core.page_changes add column content_hash numeric(20, 0);
-- squawk-ignore ban-drop-constraint
alter table core.page_changes drop constraint page_changes_kind_ck;
alter table core.page_changes add constraint page_changes_kind_ck check (
    kind in ('create', 'patch', 'put', 'merge', 'delete', 'restore', 'repair', 'direct', 'adopt')
) not valid;
comment on column core.page_changes.touched is
'What the change touched, by block id: [["set", id, pointer] (id "": title and properties), ["ins", id, no],
["del", id], ["mov", id]]. An insertion into or removal from an array inside a block touches the whole array. NULL: unknown.';
comment on column core.page_changes.content_hash is
'core.page_hash of the page at this version: replay must reproduce it. NULL: not reckoned.';
comment on column core.page_changes.kind is
'How it came: create, patch, put, merge, delete, restore, repair (ops.rebuild_page), direct (the old application), adopt
(its migration).';

create table core.page_snapshots (
    workspace_id uuid not null,
    page_id uuid not null,
    version bigint not null,
    at timestamptz not null,
    document jsonb not null,
    block_order integer[] not null,
    content_hash numeric(20, 0) not null,
    constraint page_snapshots_pk primary key (workspace_id, page_id, version),
    constraint page_snapshots_page_fk foreign key (workspace_id, page_id) references core.pages (workspace_id, id)
    on delete cascade
);
comment on table core.page_snapshots is
'Whole pages at version 1, each 10th version, restored and named versions. A short cut and a second source: the log
alone can rebuild each of them.';
comment on column core.page_snapshots.workspace_id is 'Workspace of the page.';
comment on column core.page_snapshots.page_id is 'Page.';
comment on column core.page_snapshots.version is 'Version that it is a picture of.';
comment on column core.page_snapshots.at is 'When that version was made (not the snapshot): what retention goes by.';
comment on column core.page_snapshots.document is '{"title", "properties", "blocks": [{"id", "type", "data"}, ..]}.';
comment on column core.page_snapshots.block_order is 'Numbers (core.blocks.no) of its blocks, in their order.';
comment on column core.page_snapshots.content_hash is
'core.page_hash of it: a snapshot that does not match is not used.';
comment on index core.page_snapshots_pk is 'The nearest snapshot below a version.';

create table core.page_snapshots_due (
    workspace_id uuid not null,
    page_id uuid not null,
    version bigint not null,
    constraint page_snapshots_due_pk primary key (workspace_id, page_id, version)
);
comment on table core.page_snapshots_due is
'Snapshots that saves have ordered and the worker has not made yet: making one inside the save would cost more than the
save. Nothing needs them to be made soon.';
comment on column core.page_snapshots_due.workspace_id is 'Workspace of the page.';
comment on column core.page_snapshots_due.page_id is 'Page.';
comment on column core.page_snapshots_due.version is 'Version to make a snapshot of.';
comment on index core.page_snapshots_due_pk is 'A snapshot is ordered once.';

create table core.page_names (
    workspace_id uuid not null,
    page_id uuid not null,
    name text not null,
    version bigint not null,
    created_at timestamptz not null,
    created_by uuid not null,
    constraint page_names_pk primary key (workspace_id, page_id, name),
    constraint page_names_page_fk foreign key (workspace_id, page_id) references core.pages (workspace_id, id)
    on delete cascade,
    constraint page_names_name_ck check (length(name) between 1 and 200)
);
comment on table core.page_names is 'Named versions of pages: retention keeps their snapshots.';
comment on column core.page_names.workspace_id is 'Workspace of the page.';
comment on column core.page_names.page_id is 'Page.';
comment on column core.page_names.name is 'Name, unique in its page.';
comment on column core.page_names.version is 'Version that it names.';
comment on column core.page_names.created_at is 'When it was named.';
comment on column core.page_names.created_by is 'User who named it.';
comment on index core.page_names_pk is 'A named version of a page.';

create table core.idempotency_keys (
    workspace_id uuid not null,
    user_id uuid not null,
    key text not null,
    request_hash bytea not null,
    created_at timestamptz not null,
    status smallint,
    page_id uuid,
    version bigint,
    blocks integer,
    body text,
    constraint idempotency_keys_pk primary key (workspace_id, user_id, key),
    constraint idempotency_keys_key_ck check (length(key) between 1 and 255)
) with (fillfactor = 70);
comment on table core.idempotency_keys is
'Answers to writes that came with an Idempotency-Key, kept for 24 hours: a repeated request gets the first answer. The
row is written in the transaction of its write, so that it is there exactly when the write is.';
comment on column core.idempotency_keys.workspace_id is 'Workspace.';
comment on column core.idempotency_keys.user_id is 'User who sent it: a key is private to its user.';
comment on column core.idempotency_keys.key is 'As sent.';
comment on column core.idempotency_keys.request_hash is
'sha256 of what was asked: the same key with another request is refused.';
comment on column core.idempotency_keys.created_at is 'When the first request came.';
comment on column core.idempotency_keys.status is
'HTTP status of the answer, 2xx or 4xx; NULL only inside its transaction.';
comment on column core.idempotency_keys.page_id is 'Page of the answer.';
comment on column core.idempotency_keys.version is 'Version of the answer, its ETag.';
comment on column core.idempotency_keys.blocks is 'Number of blocks that the page had then.';
comment on column core.idempotency_keys.body is 'Body of the answer, JSON text: of a problem the code and its members.';
comment on index core.idempotency_keys_pk is 'A key of a user.';
create index idempotency_keys_age_ix on core.idempotency_keys (created_at);
comment on index core.idempotency_keys_age_ix is 'What the purge takes; never changed by an update.';

create type core.write_answer as (
    status smallint,
    page_id uuid,
    version bigint,
    blocks integer,
    replayed boolean,
    body text
);
comment on type core.write_answer is
'What a write answers: HTTP status; page and version (the ETag) where there is one; how many blocks the page has now;
whether it is the answer to an earlier request with the same Idempotency-Key; the body as JSON text, NULL for none: from
status 400 on an object of code, detail and members.';

-- Pages, blocks and the change log. core.workspaces comes over from the old application in 0009, and with it the
-- foreign key of pages.
set local role quire_owner;

create table core.pages (
    workspace_id uuid not null,
    id uuid not null default gen_random_uuid(),
    title text not null default '',
    properties jsonb not null default '{}',
    version bigint not null default 1,
    block_order integer[] not null default '{}',
    next_block_no integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    edited_minute timestamptz not null default date_trunc('minute', now(), 'UTC'),
    updated_by uuid,
    deleted_at timestamptz,
    constraint pages_pk primary key (workspace_id, id),
    constraint pages_version_ck check (version > 0),
    constraint pages_properties_ck check (jsonb_typeof(properties) = 'object')
) with (fillfactor = 50);
create index pages_workspace_updated_idx on core.pages (workspace_id, edited_minute desc, id);
create index pages_id_ix on core.pages (id);
comment on table core.pages is
'One row a page. Its blocks are rows of core.blocks; their order is block_order. Written by functions; the trigger
check_page_version refuses content writes that do not raise the version by one (PT409).';
comment on column core.pages.workspace_id is
'Workspace the page belongs to; first in every key (tenant isolation, Citus).';
comment on column core.pages.id is 'UUID, chosen by the client or UUIDv7 from core.new_id().';
comment on column core.pages.title is 'Plain text.';
comment on column core.pages.properties is 'Client-defined object: front matter, source, cover, and so on.';
comment on column core.pages.version is 'Raised by one by every save; the ETag.';
comment on column core.pages.block_order is
'Numbers of the blocks (core.blocks.no) in document order. A content edit never writes it, so that it costs no WAL.';
comment on column core.pages.next_block_no is 'Number the next new block gets. Numbers are never used twice.';
comment on column core.pages.created_at is 'When the page was made.';
comment on column core.pages.updated_at is
'Time of the newest version. Not indexed: an index on it would end HOT updates.';
comment on column core.pages.edited_minute is
'updated_at to the minute: what recent lists are indexed by, so that most saves stay HOT.';
comment on column core.pages.updated_by is 'User of the newest version; NULL where the old application wrote it.';
comment on column core.pages.deleted_at is 'Since when the page is deleted; restorable until retention takes it.';
comment on index core.pages_pk is 'A page of a workspace.';
comment on index core.pages_workspace_updated_idx is 'Recent pages of a workspace, keyset pagination.';
comment on index core.pages_id_ix is 'The old application names pages by id alone.';

create table core.blocks (
    workspace_id uuid not null,
    page_id uuid not null,
    no integer not null,
    id text collate "C" not null,
    type text not null,
    data jsonb not null default '{}',
    ver bigint not null,
    constraint blocks_pk primary key (workspace_id, page_id, no),
    constraint blocks_id_uq unique (workspace_id, page_id, id),
    constraint blocks_page_fk foreign key (workspace_id, page_id) references core.pages (workspace_id, id)
    on delete cascade,
    constraint blocks_no_ck check (no > 0),
    constraint blocks_id_ck check (id ~ '^[A-Za-z0-9_-]{1,64}$' and id !~ '^[0-9]+$'),
    constraint blocks_data_ck check (jsonb_typeof(data) = 'object')
) with (fillfactor = 80);
comment on table core.blocks is 'Blocks of a page, one row each. An edit of one block writes one small row.';
comment on column core.blocks.workspace_id is 'Workspace of the page.';
comment on column core.blocks.page_id is 'Page the block belongs to.';
comment on column core.blocks.no is
'Number within the page: given once, never reused. 0 is kept for title and properties in queue and search.';
comment on column core.blocks.id is
'Client-chosen name, unique in its page, never an array index; a block without one gets a UUIDv7.';
comment on column core.blocks.type is 'paragraph, heading, ... or any type of the client''s own.';
comment on column core.blocks.data is 'Content of the block, an object; text as inline Markdown in data.text.';
comment on column core.blocks.ver is 'Page version that last wrote the block.';
comment on index core.blocks_pk is 'Blocks of a page by number.';
comment on index core.blocks_id_uq is 'A block of a page by its id (patch paths /blocks/<id>).';

create table core.page_changes (
    workspace_id uuid not null,
    page_id uuid not null,
    version bigint not null,
    at timestamptz not null,
    base_version bigint not null,
    actor uuid,
    kind text not null,
    ops jsonb not null,
    undo jsonb not null,
    constraint page_changes_pk primary key (workspace_id, page_id, version, at),
    constraint page_changes_kind_ck check (kind in ('create', 'patch', 'put', 'merge', 'delete', 'direct', 'adopt'))
) partition by range (at);
comment on table core.page_changes is
'Log of every version of every page, partitioned by month. No foreign key: the log is not rewritten when pages go.';
comment on column core.page_changes.workspace_id is 'Workspace of the page.';
comment on column core.page_changes.page_id is 'Page.';
comment on column core.page_changes.version is 'Version that the change made.';
comment on column core.page_changes.at is 'When; part of the key because partitions are by it.';
comment on column core.page_changes.base_version is 'Version that the client had seen; 0 for a new page.';
comment on column core.page_changes.actor is 'User; NULL where the old application wrote directly.';
comment on column core.page_changes.kind is
'How it came: create, patch, put, merge, delete, direct (the old application), adopt (its migration).';
comment on column core.page_changes.ops is 'RFC 6902 patch as applied, index form: version - 1 becomes version by it.';
comment on column core.page_changes.undo is
'Pre-images: {"blocks": {"<no>": block or null}, "order": [nos] when it changed, "title", "properties" when they
changed}.';
comment on index core.page_changes_pk is 'Changes of a page by version.';

create table core.page_changes_default partition of core.page_changes default;
comment on table core.page_changes_default is
'Catches rows no monthly partition takes. Not empty means that ops.ensure_partitions did not run.';

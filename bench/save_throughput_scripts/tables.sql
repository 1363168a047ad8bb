-- The same tables, filled, without what functions and triggers add. `like` leaves out options, foreign keys and
-- partitions, so they are written here. And bench.page: what a store of whole documents has.
create schema bench;
create table bench.pages (like core.pages including all) with (fillfactor = 50);
create table bench.blocks (like core.blocks including all) with (fillfactor = 80);
alter table bench.blocks add foreign key (workspace_id, page_id) references bench.pages (workspace_id, id);
create table bench.indexing_queue (like core.indexing_queue including all) with (
    fillfactor = 60, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0, vacuum_truncate = off
);
create table bench.page_changes (like core.page_changes including all) partition by range (at);
create table bench.page_changes_now partition of bench.page_changes
for values from (now() - interval '1 day') to (now() + interval '30 days');
create table bench.page_changes_default partition of bench.page_changes default;
create table bench.page (id uuid primary key, version bigint not null, document jsonb not null) with (fillfactor = 50);

insert into bench.pages select * from core.pages;
insert into bench.blocks select * from core.blocks;
insert into bench.page_changes select * from core.page_changes;
insert into bench.page
select pages.id, pages.version, core.page_document(pages)::jsonb
from core.pages;
truncate core.indexing_queue, core.page_snapshots_due;

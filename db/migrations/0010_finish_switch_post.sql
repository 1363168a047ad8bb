-- What the switch left out to be short: partitions ahead, the foreign key's check of the rows that were there, statistics.
set local role quire_owner;
select ops.ensure_partitions();
alter table core.pages validate constraint pages_workspace_fk;
analyze core.workspaces, core.pages, core.blocks, core.page_changes, core.indexing_queue;

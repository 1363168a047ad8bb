-- squawk-ignore-file ban-drop-table, ban-drop-schema, ban-drop-function
-- The old tables are copied and frozen: nothing uses them. Whoever wants to look at them first stops before this file:
-- quire migrate --to 11. No cascade: an object of someone else's that came to depend on them stops it with its name.
drop table legacy.indexing_queue;
drop table legacy.blocks;
drop table legacy.pages;
drop table legacy.workspaces;
drop schema legacy;
drop table core.mig_0010_entries;
drop procedure core.mig_0010_carry_over();
drop function core.mig_0010_record_pages(uuid[]);
drop function core.mig_0010_carry_failed(uuid, uuid[]);
drop function core.mig_0010_carry_waiting(uuid, uuid[]);
drop function core.mig_0010_carry_completed(uuid, uuid[]);
drop table core.mig_0007_dirty;
drop procedure core.mig_0007_copy_all();
drop function core.mig_0007_copy_logged(integer);
drop function core.mig_0007_copy_pages(uuid[]);
drop function core.mig_0007_log_pages();

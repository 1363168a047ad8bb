-- Beside readers and writers, however many pages there are. Its comment is in functions/ops/sweep_recent_pages.sql:
-- this file can hold one statement only.
-- quire: role = quire_owner
-- quire: statement_timeout = 0
create index concurrently if not exists pages_updated_recent_idx
on core.pages (workspace_id, edited_minute desc, id)
where recent;

-- What the purge of deleted pages takes. Only a deletion or restoration writes it: saves stay HOT.
create index concurrently if not exists pages_deleted_ix on core.pages (workspace_id, id) where deleted_at is not null;

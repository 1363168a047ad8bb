-- What a search compares exactly. A vector that is rewritten while it is fresh changes nothing in an index: HOT.
-- quire: role = quire_owner
-- quire: statement_timeout = 0
create index concurrently if not exists block_embeddings_fresh_ix
on core.block_embeddings (workspace_id, model)
where vec is null;

-- The entries of each workspace in claim order, so that a claim takes from every workspace in turn.
-- quire: role = quire_owner
-- quire: statement_timeout = 0
create index concurrently if not exists indexing_queue_fair_ix
on core.indexing_queue (workspace_id, lane, priority, seq);

-- The entries of each workspace in claim order, so that a claim takes from every workspace in turn. Not led by the
-- workspace: the planner would take it for look-ups by key, and read all that a workspace has waiting.
-- quire: role = quire_owner
-- quire: statement_timeout = 0
create index concurrently if not exists indexing_queue_fair_ix
on core.indexing_queue (lane, priority, workspace_id, seq);

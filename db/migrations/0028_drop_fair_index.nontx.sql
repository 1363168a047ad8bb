-- indexing_queue_turns_ix has taken its place.
-- quire: role = quire_owner
-- quire: statement_timeout = 0
drop index concurrently if exists core.indexing_queue_fair_ix;

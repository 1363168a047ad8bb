-- What indexing_queue_fair_ix is for, with a predicate that is always true. Without one PostgreSQL 18 takes it, by skip
-- scan, for look-ups by key of a queue that was vacuumed when empty and never analyzed, and reads all that a workspace
-- has waiting (an eighth of the rate, seen).
-- quire: role = quire_owner
-- quire: statement_timeout = 0
create index concurrently if not exists indexing_queue_turns_ix
on core.indexing_queue (lane, priority, workspace_id, seq)
where lane >= 0;

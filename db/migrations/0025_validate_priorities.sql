-- Reads the queue once, under a lock that lets everybody write.
set local role quire_owner;
alter table core.indexing_queue validate constraint indexing_queue_priority_ck;
comment on index core.indexing_queue_fair_ix is
'Claim order within a workspace, for claims that take from several in turn. As HOT as the ready index.';

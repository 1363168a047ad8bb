set local role quire_owner;
comment on index core.indexing_queue_turns_ix is
'Claim order within a workspace, for claims that take from several in turn. As HOT as the ready index. Its predicate is
always true and only in claims: look-ups by key are kept from it.';

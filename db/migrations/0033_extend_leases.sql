set local role quire_owner;
alter table core.indexing_leases add column stale boolean[], add column row_ids tid[];
comment on column core.indexing_leases.stale is
'Whether something has to be written for each entry; what was in search as it is need not be looked up at the ack. NULL:
claimed before there was this column.';
comment on column core.indexing_leases.row_ids is
'Where the queue row of each entry was after the claim: it is there still unless it was edited, or the table rewritten.
NULL: claimed before there was this column.';

set local role quire_owner;
alter table core.indexing_leases add column stale boolean[];
comment on column core.indexing_leases.stale is
'Whether something has to be written for each entry; what was in search as it is need not be looked up at the ack. NULL:
claimed before there was this column.';

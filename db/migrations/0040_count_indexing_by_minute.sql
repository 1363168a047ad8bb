-- Stripes by minute, too (core.count_indexing).
set local role quire_owner;

comment on column core.indexing_counters.stripe is
'0 to 959, by minute of the hour and process: no two commits wait for each other, no row gathers dead versions.';

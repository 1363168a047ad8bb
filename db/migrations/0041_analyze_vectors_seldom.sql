-- ANALYZE reads 30,000 rows of the table, 10,000 of its pages, and under a steady load of edits it came each minute: a
-- worker was slower by a fifth meanwhile. New vectors change nothing that a plan depends on, only growth does; and
-- nobody asks for the statistics of a vector.
set local role quire_owner;

alter table core.block_embeddings set (autovacuum_analyze_scale_factor = 2);
alter table core.block_embeddings
alter column vec set statistics 0,
alter column fresh_vec set statistics 0;

set local role quire_owner;
alter table core.block_embeddings validate constraint block_embeddings_vec_ck;
comment on index core.block_embeddings_fresh_ix is
'Vectors that a search compares exactly, by workspace. A fresh one may be rewritten in place (HOT).';

-- squawk-ignore-file constraint-missing-not-valid, require-concurrent-index-creation, ban-drop-function
-- Which models there are, how they are reached, and which of them is being filled: see indexing.start_reembedding.
-- The table has a row a model; the function comes back with a third parameter that may be left out.
set local role quire_owner;

alter table core.embedding_models add column config jsonb not null default '{}';
alter table core.embedding_models add column dropped_at timestamptz;
alter table core.embedding_models add constraint embedding_models_config_ck check (
    jsonb_typeof(config) = 'object' and not config ?| '{api_key,key,password,token}'
);
alter table core.embedding_models add constraint embedding_models_dropped_ck check (
    dropped_at is null or state = 'retired'
);
create unique index embedding_models_state_uq on core.embedding_models (state) where state <> 'retired';
comment on column core.embedding_models.state is
'active is what search and worker use; shadow is being filled beside it by `quire reembed`; retired was active or
shadow once.';
comment on column core.embedding_models.config is
'How every process reaches it: embedder (hashing, local, openai), url, key_variable (name of the environment variable).
Never a key.';
comment on column core.embedding_models.dropped_at is
'When the vectors of a retired model were removed; NULL while they may be there.';
comment on index core.embedding_models_state_uq is 'One active model, and at most one shadow.';
update core.embedding_models set config = '{"embedder": "hashing"}' where name = 'hashing-384';

drop function if exists indexing.ensure_model(text, integer);

-- indexing.ensure_model: what a worker says at its start: the model that its settings name. True when it became the
-- active one now, which it does only while there is no vector at all: a database's first model. Later the database
-- rules: a model that it knows (an operator's settings may be older than the last switch) is taken note of, no more,
-- but that the active model is reached as the settings say. PT409 model_not_active: an unknown one, and there are
-- vectors; PT409 model_dimensions; PT400 bad_model.
create or replace function indexing.ensure_model(
    p_name text,
    p_dimensions integer,
    p_config jsonb default null
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set lock_timeout = '10s'
as $$
declare
    v_model core.embedding_models;
    v_active text;
    v_index record;
begin
    v_model := core.check_model(p_name, p_dimensions, p_config);
    if v_model.state = 'active' then
        update core.embedding_models as m
        set config = p_config
        where m.name = p_name and m.config is distinct from p_config and p_config is not null;
        return false;
    elsif exists (select from core.block_embeddings)
        or exists (select from core.embedding_models as m where m.state = 'shadow') then
        if v_model.name is not null then
            return false;
        end if;
        select m.name into v_active from core.embedding_models as m where m.state = 'active';
        raise exception 'the active model is %, and its vectors are there: change to % with `quire reembed --model %`',
            v_active, p_name, p_name
            using errcode = 'PT409', constraint = 'model_not_active',
            detail = jsonb_build_object('model', p_name, 'active', v_active)::text;
    end if;

    update core.embedding_models as m set state = 'retired' where m.state = 'active';
    insert into core.embedding_models as m (name, dimensions, state, created_at, config)
    values (p_name, p_dimensions, 'active', core.clock(), coalesce(p_config, '{}'))
    on conflict (name) do update
    set state = 'active', dropped_at = null, config = coalesce(p_config, m.config);

    select i.* into v_index from core.model_index(p_name, p_dimensions) as i;
    if v_index.is_valid = false then
        execute v_index.statement; -- on no rows, so at once
        execute format(
            'comment on index core.%I is %L', v_index.name,
            'Nearest neighbours by cosine distance, model ' || p_name || ' (HNSW).'
        );
    end if;
    return true;
end;
$$;

comment on function indexing.ensure_model(text, integer, jsonb) is
'A worker''s model: activated on an empty vector set, true then. PT409 model_not_active, model_dimensions; PT400.';
revoke all on function indexing.ensure_model(text, integer, jsonb) from public;
grant execute on function indexing.ensure_model(text, integer, jsonb) to quire_worker;

-- indexing.ensure_model: what a worker says at its start: the model it embeds with. A new one is registered, gets its
-- approximate index (on no rows yet, so at once) and becomes the active one; indexing.enqueue_missing then queues what
-- has no vector by it. True when it became active now. PT409 model_dimensions: known with another number of dimensions.
create or replace function indexing.ensure_model(
    p_name text,
    p_dimensions integer
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
    v_index text;
    v_type text;
begin
    perform pg_advisory_xact_lock(hashtextextended('quire.embedding_models', 0));
    select m.* into v_model from core.embedding_models as m where m.name = p_name;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the model % has % dimensions, not %', p_name, v_model.dimensions, p_dimensions
            using errcode = 'PT409', constraint = 'model_dimensions',
            detail = jsonb_build_object('model', p_name, 'dimensions', v_model.dimensions)::text;
    elsif v_model.state = 'active' then
        return false;
    end if;

    update core.embedding_models as m set state = 'retired' where m.state = 'active';
    insert into core.embedding_models as m (name, dimensions, state, created_at)
    values (p_name, p_dimensions, 'active', core.clock())
    on conflict (name) do update set state = 'active';

    -- pgvector indexes up to 2,000 dimensions, 4,000 at half precision; above that search is exact
    v_type := case when p_dimensions <= 2000 then 'vector' when p_dimensions <= 4000 then 'halfvec' end;
    v_index := 'block_embeddings_' || left(regexp_replace(lower(p_name), '[^a-z0-9]+', '_', 'g'), 38) || '_ix';
    if v_type is not null and to_regclass('core.' || v_index) is null then
        execute format(
            'create index %I on core.block_embeddings using hnsw ((vec::public.%s(%s)) public.%s_cosine_ops) '
            'where model = %L', v_index, v_type, p_dimensions, v_type, p_name
        );
        execute format(
            'comment on index core.%I is %L', v_index,
            'Nearest neighbours by cosine distance, model ' || p_name || ' (HNSW). Made by indexing.ensure_model.'
        );
    end if;
    return true;
end;
$$;

comment on function indexing.ensure_model(text, integer) is
'Registers and activates the worker''s model; true when it was not active before. PT409 model_dimensions.';
revoke all on function indexing.ensure_model(text, integer) from public;
grant execute on function indexing.ensure_model(text, integer) to quire_worker;

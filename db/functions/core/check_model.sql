-- core.check_model: a model as somebody wants to register it, held against what is known of it; the row, all NULL when
-- there is none. Serialises all changes of models until the transaction ends. PT400 bad_model: no name, dimensions or
-- configuration; PT409 model_dimensions: known with another number of dimensions.
create or replace function core.check_model(
    p_name text,
    p_dimensions integer,
    p_config jsonb
)
returns core.embedding_models
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_model core.embedding_models;
begin
    if coalesce(length(p_name), 0) not between 1 and 200 then
        raise exception 'a model needs a name of 1 to 200 characters'
            using errcode = 'PT400', constraint = 'bad_model', detail = '{}';
    elsif coalesce(p_dimensions, 0) not between 1 and 16000 then
        raise exception 'the model % needs 1 to 16000 dimensions, not %', p_name, p_dimensions
            using errcode = 'PT400', constraint = 'bad_model',
            detail = jsonb_build_object('model', p_name)::text;
    elsif jsonb_typeof(p_config) <> 'object' or p_config ?| '{api_key,key,password,token}' then
        raise exception 'the configuration of the model % is no object, or holds a key: keys stay in the environment',
            p_name
            using errcode = 'PT400', constraint = 'bad_model',
            detail = jsonb_build_object('model', p_name)::text;
    end if;
    perform pg_advisory_xact_lock(hashtextextended('quire.embedding_models', 0));
    select m.* into v_model from core.embedding_models as m where m.name = p_name;
    if v_model.dimensions <> p_dimensions then
        raise exception 'the model % has % dimensions, not %', p_name, v_model.dimensions, p_dimensions
            using errcode = 'PT409', constraint = 'model_dimensions',
            detail = jsonb_build_object('model', p_name, 'dimensions', v_model.dimensions)::text;
    end if;
    return v_model;
end;
$$;

comment on function core.check_model(text, integer, jsonb) is
'The known row of a model about to be registered; locks out other changes. PT400 bad_model, PT409 model_dimensions.';
revoke all on function core.check_model(text, integer, jsonb) from public;

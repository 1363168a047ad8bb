-- core.search_model: the model whose vectors a search compares with: the named one, else the active one. All NULL
-- without an embedding, and for a model that cannot be searched: not registered, being filled, or dropped. PT400
-- bad_embedding: not a vector of the model's dimensions.
create or replace function core.search_model(
    p_model text,
    p_embedding text
)
returns core.embedding_models
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_model core.embedding_models;
begin
    if p_embedding is null then
        return v_model;
    end if;
    select m.* into v_model
    from core.embedding_models as m
    where (m.name = p_model or p_model is null and m.state = 'active')
        and m.state <> 'shadow'
        and m.dropped_at is null
    limit 1;
    if v_model.name is null then
        return v_model;
    elsif p_embedding !~ '^\[[-+0-9.eE, ]+\]$'
        or cardinality(string_to_array(p_embedding, ',')) <> v_model.dimensions then
        raise exception 'the embedding is not a vector of the % dimensions of %', v_model.dimensions, v_model.name
            using errcode = 'PT400', constraint = 'bad_embedding',
            detail = jsonb_build_object('model', v_model.name, 'dimensions', v_model.dimensions)::text;
    end if;
    return v_model;
end;
$$;

comment on function core.search_model(text, text) is
'Model of a search by vectors; all NULL without an embedding or when it cannot be searched. PT400 bad_embedding.';
revoke all on function core.search_model(text, text) from public;

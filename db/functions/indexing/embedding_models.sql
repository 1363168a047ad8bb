-- indexing.embedding_models: the models in use: the active one, and the shadow while `quire reembed` fills it.
create or replace function indexing.embedding_models()
returns table (name text, dimensions integer, state text, config jsonb)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, m.dimensions, m.state, m.config
    from core.embedding_models as m
    where m.state <> 'retired'
    order by m.state; -- active, shadow
$$;

comment on function indexing.embedding_models() is
'The active model and the shadow, where there is one, with how they are reached.';
revoke all on function indexing.embedding_models() from public;
grant execute on function indexing.embedding_models() to quire_worker;

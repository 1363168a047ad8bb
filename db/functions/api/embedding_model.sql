-- api.embedding_model: the model that searches compare with now, and how queries are embedded with it. Asked every few
-- seconds by each API process: after a switch (`quire reembed`) all follow.
create or replace function api.embedding_model()
returns table (name text, dimensions integer, config text)
language sql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
    select m.name, m.dimensions, m.config::text from core.embedding_models as m where m.state = 'active';
$$;

comment on function api.embedding_model() is
'The active embedding model: name, dimensions, and its configuration as JSON text.';
revoke all on function api.embedding_model() from public;
grant execute on function api.embedding_model() to quire_api;

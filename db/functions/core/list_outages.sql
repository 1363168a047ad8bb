-- core.list_outages: the models in use, the active one first, with how often in a row their provider was found out (0:
-- it answers), since when, when it is asked again, and what it said. The order binds: core.provider_out takes the first
-- for edits and the last (a shadow, where there is one) for re-embedding.
create or replace function core.list_outages()
returns table (model text, outages integer, changed_at timestamptz, open_until timestamptz, reason text)
language plpgsql
stable
parallel safe
security invoker
rows 2
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
        select m.name, coalesce(b.outages, 0), b.changed_at, b.open_until, b.reason
        from core.embedding_models as m
        left join core.indexing_breakers as b on b.model = m.name
        where m.state <> 'retired'
        order by m.state, m.name;
end;
$$;

comment on function core.list_outages() is
'Models in use and how often in a row their provider was found out; 0: it answers.';
revoke all on function core.list_outages() from public;

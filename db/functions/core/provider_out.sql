-- core.provider_out: whether entries of a priority wait for a provider that may not be asked now: its breaker is open,
-- or somebody is finding out whether its outage is over. The first of p_models decides about edits, the last about
-- re-embedding: that is away from a provider that may never answer again. Changes nothing; core.breaker_wait sends
-- somebody to find out.
create or replace function core.provider_out(
    p_priority smallint,
    p_models text[],
    p_now timestamptz
)
returns boolean
language sql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select exists (
        select
        from core.indexing_breakers as b
        where b.outages > 0 and greatest(b.open_until, b.probe_until) > p_now
            and b.model = p_models[case when p_priority < 300 then 1 else cardinality(p_models) end]
    );
$$;

comment on function core.provider_out(smallint, text[], timestamptz) is
'Whether the provider that decides about entries of a priority may not be asked now.';
revoke all on function core.provider_out(smallint, text[], timestamptz) from public;

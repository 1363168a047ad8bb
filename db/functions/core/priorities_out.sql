-- core.priorities_out: priorities whose entries wait for a provider that is out, until it answers again: also in the
-- moments in which somebody is to ask it (core.provider_out says whether that is now). What was put off then is neither
-- ready nor more work for more workers.
create or replace function core.priorities_out()
returns smallint[]
language sql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select array(
        select p
        from unnest('{0,100,200,300}'::smallint[]) as p
        where core.provider_out(p, array(select o.model from core.list_outages() as o), '-infinity')
    );
$$;

comment on function core.priorities_out() is
'Priorities whose entries wait until a provider answers again.';
revoke all on function core.priorities_out() from public;

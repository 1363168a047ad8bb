-- api.readiness: what /readyz asks: does the database answer, and how far is its schema. One row.
create or replace function api.readiness()
returns table (migration integer)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query select max(m.number)::integer from ops.migrations as m;
end;
$$;

comment on function api.readiness() is 'Number of the newest applied migration; for /readyz.';
revoke all on function api.readiness() from public;
grant execute on function api.readiness() to quire_api;

-- ops.list_rate_policies: every rate policy by name.
create or replace function ops.list_rate_policies()
returns table (
    name text,
    points integer,
    window_seconds integer,
    block_seconds integer,
    per text,
    mode text,
    on_failure text
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    return query
    select p.name, p.points, p.window_seconds, p.block_seconds, p.per, p.mode, p.on_failure
    from core.rate_policies as p
    order by p.name;
end;
$$;

comment on function ops.list_rate_policies() is 'Rate policies by name.';
revoke all on function ops.list_rate_policies() from public;
grant execute on function ops.list_rate_policies() to quire_monitor;

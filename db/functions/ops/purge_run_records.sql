-- ops.purge_run_records: records of periodic work go after 30 days, the oldest first, up to p_limit a call; returns how
-- many.
create or replace function ops.purge_run_records(
    p_limit integer
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_runs');
    v_count integer;
begin
    with old as (
        select r.id from ops.purge_runs as r where r.hour < v_floor order by r.hour, r.id limit p_limit
        for update skip locked
    )

    delete from ops.purge_runs as r
    using old as o
    where r.id = o.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.purge_run_records(integer) is
'Removes records of periodic work after 30 days; returns how many.';
revoke all on function ops.purge_run_records(integer) from public;
grant execute on function ops.purge_run_records(integer) to quire_worker;

-- ops.purge_jobs: finished jobs of the executor go a day after their last event, with their events, up to p_limit a
-- call; returns how many. Workers delete what succeeded at once: these are failed, cancelled and rescued ones.
create or replace function ops.purge_jobs(
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
    v_floor constant timestamptz := core.retention_floor('purge_jobs');
    v_count integer;
begin
    -- the library's triggers name their tables without a schema; the setting ends with this function
    perform set_config('search_path', 'pg_catalog, procrastinate, pg_temp', true);
    with old as (
        select j.id
        from procrastinate.procrastinate_jobs as j
        where j.id in (select core.finished_jobs(v_floor, p_limit))
        order by j.id
        for update skip locked
    )

    delete from procrastinate.procrastinate_jobs as j
    using old as o
    where j.id = o.id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.purge_jobs(integer) is
'Removes finished jobs of the executor a day after their last event; returns how many.';
revoke all on function ops.purge_jobs(integer) from public;
grant execute on function ops.purge_jobs(integer) to quire_worker;

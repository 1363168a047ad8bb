-- core.retention_floor: the time before which a task of ops.periodic_tasks takes things away: keep_hours ago. Hours:
-- days of a session's time zone may have 23 or 25 of them.
create or replace function core.retention_floor(
    p_task text
)
returns timestamptz
language plpgsql
stable
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_hours integer;
begin
    select t.keep_hours into v_hours from ops.periodic_tasks as t where t.task = p_task;
    if v_hours is null then
        raise exception 'there is no retention "%": see keep_hours of ops.periodic_tasks', p_task;
    end if;
    return core.clock() - make_interval(hours => v_hours);
end;
$$;

comment on function core.retention_floor(text) is
'The time before which a periodic task takes things away: keep_hours ago.';
revoke all on function core.retention_floor(text) from public;

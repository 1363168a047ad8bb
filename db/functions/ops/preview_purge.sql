-- ops.preview_purge: what a task of retention would take now, and why: partitions, rows (of partitions an estimate),
-- and what is kept. Reads only, and takes no lock that anybody waits for. 22023: no such task of retention.
create or replace function ops.preview_purge(
    p_task text
)
returns table (relation text, partitions bigint, rows bigint, keep_hours integer, about text)
language plpgsql
stable
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_task ops.periodic_tasks;
begin
    select t.* into v_task from ops.periodic_tasks as t where t.task = p_task and t.relation is not null;
    if not found then
        raise exception 'there is no task of retention "%": see relation of ops.periodic_tasks', p_task
            using errcode = '22023';
    end if;
    relation := v_task.relation;
    keep_hours := v_task.keep_hours;
    about := v_task.about;
    execute format('select p.partitions, p.rows from (%s) as p', v_task.preview) into partitions, rows;
    return next;
end;
$$;

comment on function ops.preview_purge(text) is
'What a task of retention would take now, and why: partitions and rows. Reads only. 22023.';
revoke all on function ops.preview_purge(text) from public;
grant execute on function ops.preview_purge(text) to quire_worker, quire_monitor;

-- core.defer_drain: puts a job that drains the indexing queue into procrastinate, unless one for this slot waits
-- already. Looks first: a refused insert costs a job number and a subtransaction. Never called inside a save: the
-- unique queueing lock would make saves wait for each other, and the NOTIFY serialises commits.
create or replace function core.defer_drain(
    p_slot integer
)
returns boolean
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_lock constant text := 'index_drain:' || p_slot;
begin
    if exists (
        select 1 from procrastinate.procrastinate_jobs as j where j.queueing_lock = v_lock and j.status = 'todo'
    ) then
        return false;
    end if;
    -- the library's functions and triggers name their tables without a schema; the setting ends with this function
    perform set_config('search_path', 'pg_catalog, procrastinate, pg_temp', true);
    perform procrastinate.procrastinate_defer_jobs_v1(array[
        row('indexing', 'index_drain', 0, null, v_lock, jsonb_build_object('slot', p_slot), null)
    ]::procrastinate.procrastinate_job_to_defer_v1[]);
    return true;
exception
    when unique_violation then  -- another was quicker
        return false;
end;
$$;

comment on function core.defer_drain(integer) is
'Defers the job index_drain of a slot unless one waits; whether it did.';
revoke all on function core.defer_drain(integer) from public;

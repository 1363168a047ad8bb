-- ops.make_snapshots: makes up to p_limit of the snapshots that saves have ordered (core.page_snapshots_due); returns
-- how many orders it took. Idempotent; several workers may call it at once: each takes other orders, in key order, and
-- none waits. No save waits for it, nor it for a save. What cannot be made is left out with a warning: nothing needs a
-- snapshot, and `quire verify` says what is wrong.
create or replace function ops.make_snapshots(
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
    v_due core.page_snapshots_due;
    v_count integer := 0;
begin
    for v_due in
        select due.*
        from core.page_snapshots_due as due
        order by due.workspace_id, due.page_id, due.version
        limit p_limit
        for update skip locked
    loop
        if not core.make_snapshot(v_due.workspace_id, v_due.page_id, v_due.version) then
            raise warning 'no snapshot of page %, version %: its history is damaged or gone', v_due.page_id,
                v_due.version;
        end if;
        delete from core.page_snapshots_due as due
        where due.workspace_id = v_due.workspace_id and due.page_id = v_due.page_id and due.version = v_due.version;
        v_count := v_count + 1;
    end loop;
    return v_count;
end;
$$;

comment on function ops.make_snapshots(integer) is
'Makes ordered snapshots of pages; returns how many orders it took. Several workers may call it at once.';
revoke all on function ops.make_snapshots(integer) from public;
grant execute on function ops.make_snapshots(integer) to quire_worker;

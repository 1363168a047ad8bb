-- indexing.sweep: takes back what lost workers held: leases that ran out. Each goes to lane 1, where it is claimed
-- alone, so that an entry that kills workers dies alone, after its third attempt. At most 1000 rows a call.
create or replace function indexing.sweep()
returns table (returned integer, dead integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_seq constant bigint := extract(epoch from v_now) * 1000000;
begin
    with expired as materialized (
        select q.workspace_id, q.page_id, q.no, q.attempts
        from core.indexing_queue as q
        where q.lease_id is not null and q.lease_until < v_now
        order by q.workspace_id, q.page_id, q.no
        limit 1000
        for update skip locked
    ),
    lost as (
        delete from core.indexing_queue as q
        using expired as x
        where x.attempts >= 3 and q.workspace_id = x.workspace_id and q.page_id = x.page_id and q.no = x.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, q.attempts, q.enqueued_at
    ),
    buried as (
        insert into core.indexing_dead_letters as d
            (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error)
        select
            l.workspace_id, l.page_id, l.no, l.op, l.generation, l.attempts, l.enqueued_at, v_now,
            'lease_expired', 'its worker was lost ' || l.attempts || ' times'
        from lost as l
        order by l.workspace_id, l.page_id, l.no
        on conflict (workspace_id, page_id, no) do update
        set
            op = excluded.op, generation = excluded.generation, attempts = excluded.attempts,
            enqueued_at = excluded.enqueued_at, died_at = excluded.died_at,
            error_code = excluded.error_code, error = excluded.error
        returning 1
    ),
    back as (
        update core.indexing_queue as q
        set
            lease_id = null, lease_until = null, lane = 1, seq = v_seq, run_at = v_now,
            last_error = 'its worker was lost'
        from expired as x
        where x.attempts < 3 and q.workspace_id = x.workspace_id and q.page_id = x.page_id and q.no = x.no
        returning q.no
    )
    select (select count(*) from back), (select count(*) from buried) into returned, dead;
    if dead > 0 then
        perform core.count_indexing('dead', dead);
    end if;
    if returned + dead > 0 then
        perform core.count_indexing('lease_expired', returned + dead);
    end if;
    return next;
end;
$$;

comment on function indexing.sweep() is
'Takes back entries whose lease ran out, to be tried alone; dead after the third loss.';
revoke all on function indexing.sweep() from public;
grant execute on function indexing.sweep() to quire_worker;

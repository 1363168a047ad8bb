-- core.end_lease: the sweep of one lease that ran out: its entries are to be tried alone, or are dead after their third
-- attempt; the lease goes. Queue rows are locked in key order within the lease. Two leases in one transaction could
-- lock out of order, so a row that a save holds just now is left for the next sweep, and the lease with it.
create or replace function core.end_lease(
    p_lease core.indexing_leases,
    p_now timestamptz
)
returns table (returned integer, dead integer)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_seq constant bigint := extract(epoch from p_now) * 1000000;
begin
    with expired as materialized (
        select q.workspace_id, q.page_id, q.no, q.attempts
        from unnest((p_lease).workspace_ids, (p_lease).page_ids, (p_lease).nos) as a (workspace_id, page_id, no)
        cross join lateral (
            select q.workspace_id, q.page_id, q.no, q.attempts
            from core.indexing_queue as q
            where q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no
                and q.lease_id = (p_lease).lease_id
            limit 1
            for update skip locked
        ) as q
    ),
    lost as (
        delete from core.indexing_queue as q
        using expired as x
        where x.attempts >= 3 and q.workspace_id = x.workspace_id and q.page_id = x.page_id and q.no = x.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, q.attempts, q.enqueued_at
    ),
    buried as (
        insert into core.indexing_dead_letters as d
            (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
        select
            l.workspace_id, l.page_id, l.no, l.op, l.generation, l.attempts, l.enqueued_at, p_now,
            'lease_expired', w.error, core.error_fingerprint('lease_expired', w.error)
        from lost as l
        cross join lateral (select 'its worker was lost ' || l.attempts || ' times' as error) as w
        order by l.workspace_id, l.page_id, l.no
        on conflict (workspace_id, page_id, no) do update
        set
            op = excluded.op, generation = excluded.generation, attempts = excluded.attempts,
            enqueued_at = excluded.enqueued_at, died_at = excluded.died_at, error_code = excluded.error_code,
            error = excluded.error, fingerprint = excluded.fingerprint, discarded_at = null
        returning 1
    ),
    back as (
        update core.indexing_queue as q
        set lease_id = null, lane = 1, seq = v_seq, run_at = p_now, last_error = 'its worker was lost'
        from expired as x
        where x.attempts < 3 and q.workspace_id = x.workspace_id and q.page_id = x.page_id and q.no = x.no
        returning q.no
    )
    select (select count(*) from back), (select count(*) from buried) into returned, dead;

    delete from core.indexing_leases as l
    where l.lease_id = (p_lease).lease_id and not exists (
        select
        from unnest((p_lease).workspace_ids, (p_lease).page_ids, (p_lease).nos) as a (workspace_id, page_id, no)
        inner join core.indexing_queue as q
            on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no
                and q.lease_id = (p_lease).lease_id
    );
    return next;
end;
$$;

comment on function core.end_lease(core.indexing_leases, timestamptz) is
'Takes the entries of a lease that ran out back, to be tried alone; dead after the third attempt.';
revoke all on function core.end_lease(core.indexing_leases, timestamptz) from public;

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
    v_lost tid[];
    v_kept tid[];
    v_codes text[];
    v_errors text[];
begin
    select
        array_agg(q.row_id) filter (where q.attempts >= 3), array_agg(q.row_id) filter (where q.attempts < 3),
        array_agg('lease_expired'::text) filter (where q.attempts >= 3),
        array_agg('its worker was lost ' || q.attempts || ' times') filter (where q.attempts >= 3)
    into v_lost, v_kept, v_codes, v_errors
    from unnest((p_lease).workspace_ids, (p_lease).page_ids, (p_lease).nos) as a (workspace_id, page_id, no)
    cross join lateral (
        select q.ctid as row_id, q.attempts
        from core.indexing_queue as q
        where q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no
            and q.lease_id = (p_lease).lease_id
        limit 1
        for update skip locked
    ) as q;
    dead := core.bury_entries(v_lost, v_codes, v_errors, p_now);
    update core.indexing_queue as q
    set lease_id = null, lane = 1, seq = v_seq, run_at = p_now, last_error = 'its worker was lost'
    where q.ctid = any(v_kept);
    get diagnostics returned = row_count;

    delete from core.indexing_leases as l
    where l.lease_id = (p_lease).lease_id and not exists (
        select
        from unnest((p_lease).workspace_ids, (p_lease).page_ids, (p_lease).nos) as a (workspace_id, page_id, no)
        -- by key, never all that waits
        cross join lateral (
            select
            from core.indexing_queue as q
            where q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no
                and q.lease_id = (p_lease).lease_id
            limit 1
        ) as q
    );
    return next;
end;
$$;

comment on function core.end_lease(core.indexing_leases, timestamptz) is
'Takes the entries of a lease that ran out back, to be tried alone; dead after the third attempt.';
revoke all on function core.end_lease(core.indexing_leases, timestamptz) from public;

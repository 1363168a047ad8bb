-- indexing.release: ends a lease: all entries that it still holds are given back uncharged, for the provider as a whole
-- is out, or the worker stops. They keep their place in the order and wait p_delay_seconds and up to a quarter more, so
-- that not everything comes back at one moment.
create or replace function indexing.release(
    p_lease_id uuid,
    p_delay_seconds double precision
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
-- plans made while the queue was empty serve it when it is deep
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_now constant timestamptz := core.clock();
    v_lease core.indexing_leases;
    v_held tid[];
    v_count integer;
begin
    select l.* into v_lease from core.indexing_leases as l where l.lease_id = p_lease_id;
    if not found then
        return 0;
    end if;
    select k.row_ids into v_held
    from core.lock_leased(
        p_lease_id, v_lease.workspace_ids, v_lease.page_ids, v_lease.nos, v_lease.row_ids, null
    ) as k;
    update core.indexing_queue as q
    set
        lease_id = null,
        attempts = greatest(q.attempts - 1, 0),
        run_at = d.run_at,
        seq = case when q.lane = 0 then q.seq else (extract(epoch from d.run_at) * 1000000)::bigint end
    from (
        select h.row_id, v_now + make_interval(secs => p_delay_seconds * (1 + random() / 4)) as run_at
        from unnest(v_held) as h (row_id)
    ) as d
    where q.ctid = d.row_id;
    get diagnostics v_count = row_count;
    delete from core.indexing_leases as l where l.lease_id = p_lease_id;
    return v_count;
end;
$$;

comment on function indexing.release(uuid, double precision) is
'Ends a lease; what it still holds is given back uncharged, due after a jittered delay in seconds; returns how many.';
revoke all on function indexing.release(uuid, double precision) from public;
grant execute on function indexing.release(uuid, double precision) to quire_worker;

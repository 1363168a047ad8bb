-- indexing.release: ends a lease: all entries that it still holds are given back uncharged, for the provider as a whole
-- is out, or the worker stops. They keep their place in the order and all wait p_delay_seconds: with a wait of its own
-- for each the newer would come before the older. What waits is marked by last_error until an edit (core.provider_out):
-- its text is written. What was edited in flight is not: it comes at once. The provider is spared by the breaker, which
-- lets one worker ask.
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
    v_due constant timestamptz := v_now + make_interval(secs => p_delay_seconds);
    v_lease core.indexing_leases;
    v_held tid[];
    v_edited tid[];
    v_count integer;
begin
    select l.* into v_lease from core.indexing_leases as l where l.lease_id = p_lease_id;
    if not found then
        return 0;
    end if;
    select
        k.row_ids,
        array(
            select h.row_id from unnest(k.places, k.row_ids, k.generations) as h (place, row_id, generation)
            where h.generation <> v_lease.generations[h.place]
        )
    into v_held, v_edited
    from core.lock_leased(
        p_lease_id, v_lease.workspace_ids, v_lease.page_ids, v_lease.nos, v_lease.row_ids, null
    ) as k;
    update core.indexing_queue as q
    set
        lease_id = null,
        attempts = greatest(q.attempts - 1, 0),
        run_at = case when q.ctid = any(v_edited) then v_now else v_due end,
        seq = case when q.lane = 0 then q.seq else (extract(epoch from v_due) * 1000000)::bigint end,
        last_error = case when p_delay_seconds > 0 and q.ctid <> all(v_edited)
            then coalesce(q.last_error, 'its provider was out') else q.last_error end
    where q.ctid = any(v_held);
    get diagnostics v_count = row_count;
    delete from core.indexing_leases as l where l.lease_id = p_lease_id;
    return v_count;
end;
$$;

comment on function indexing.release(uuid, double precision) is
'Ends a lease; what it still holds is given back uncharged, due after a delay in seconds; returns how many.';
revoke all on function indexing.release(uuid, double precision) from public;
grant execute on function indexing.release(uuid, double precision) to quire_worker;

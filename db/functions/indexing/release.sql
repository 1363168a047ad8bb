-- indexing.release: gives all entries of a lease back uncharged: the provider as a whole is out, or the worker stops.
-- They wait p_delay_seconds and up to a quarter more, so that not everything comes back at one moment.
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
as $$
declare
    v_now constant timestamptz := core.clock();
    v_count integer;
begin
    with held as (
        select q.workspace_id, q.page_id, q.no,
            v_now + make_interval(secs => p_delay_seconds * (1 + random() / 4)) as run_at
        from core.indexing_queue as q
        where q.lease_id = p_lease_id
        order by q.workspace_id, q.page_id, q.no
        for update
    )
    update core.indexing_queue as q
    set
        lease_id = null, lease_until = null,
        attempts = greatest(q.attempts - 1, 0),
        run_at = h.run_at,
        seq = case when q.lane = 0 then q.seq else (extract(epoch from h.run_at) * 1000000)::bigint end
    from held as h
    where q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no and q.lease_id = p_lease_id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function indexing.release(uuid, double precision) is
'Gives back what a lease still holds, uncharged, due after a jittered delay in seconds; returns how many.';
revoke all on function indexing.release(uuid, double precision) from public;
grant execute on function indexing.release(uuid, double precision) to quire_worker;

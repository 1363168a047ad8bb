-- indexing.renew_lease: a worker that is still at it keeps its batch. 0: the lease is lost, its work is another's now.
create or replace function indexing.renew_lease(
    p_lease_id uuid,
    p_lease_seconds double precision
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_until constant timestamptz := core.clock() + make_interval(secs => p_lease_seconds);
    v_count integer;
begin
    with held as (
        select q.workspace_id, q.page_id, q.no
        from core.indexing_queue as q
        where q.lease_id = p_lease_id
        order by q.workspace_id, q.page_id, q.no
        for update
    )
    update core.indexing_queue as q
    set lease_until = v_until
    from held as h
    where q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no and q.lease_id = p_lease_id;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function indexing.renew_lease(uuid, double precision) is
'Extends a lease by seconds from now; returns its rows.';
revoke all on function indexing.renew_lease(uuid, double precision) from public;
grant execute on function indexing.renew_lease(uuid, double precision) to quire_worker;

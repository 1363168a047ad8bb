-- indexing.renew_lease: a worker that is still at it keeps its batch. False: the lease is lost, its work is another's
-- now. Not flushed: a renewal that a crash of the server loses only lets the lease end earlier.
create or replace function indexing.renew_lease(
    p_lease_id uuid,
    p_lease_seconds double precision
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform set_config('synchronous_commit', 'off', true);
    update core.indexing_leases as l
    set expires_at = core.clock() + make_interval(secs => p_lease_seconds)
    where l.lease_id = p_lease_id;
    return found;
end;
$$;

comment on function indexing.renew_lease(uuid, double precision) is
'Extends a lease to seconds from now; whether it was still there.';
revoke all on function indexing.renew_lease(uuid, double precision) from public;
grant execute on function indexing.renew_lease(uuid, double precision) to quire_worker;

-- indexing.sweep: takes back what lost workers held: leases that ran out, at most 50 a call. Each entry goes to lane 1,
-- where it is claimed alone, so that one that kills workers dies alone, after its third attempt.
create or replace function indexing.sweep()
returns table (leases integer, returned integer, dead integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
-- plans made while the queue was empty serve it when it is deep
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_now constant timestamptz := core.clock();
    v_lease core.indexing_leases;
    v_returned integer;
    v_dead integer;
begin
    leases := 0;
    returned := 0;
    dead := 0;
    for v_lease in
        select l.*
        from core.indexing_leases as l
        where l.expires_at < v_now
        order by l.expires_at, l.lease_id
        limit 50
        for update skip locked
    loop
        select s.returned, s.dead into v_returned, v_dead from core.end_lease(v_lease, v_now) as s;
        leases := leases + 1;
        returned := returned + v_returned;
        dead := dead + v_dead;
    end loop;
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

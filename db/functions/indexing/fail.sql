-- indexing.fail: entries of a batch that failed through themselves (not through the provider as a whole: see
-- indexing.release), by place. Retried alone (lane 1) after least(15 min, 30 s * 2^(attempts - 1)) times 0.5 to 1;
-- dead after the third attempt. An entry edited in flight starts anew: the failure was its old content's.
create or replace function indexing.fail(
    p_lease_id uuid,
    p_places integer[],
    p_codes text[],
    p_errors text[]
)
returns table (retried integer, dead integer)
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
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_lease core.indexing_leases;
    v_row_ids tid[];
    v_codes text[];
    v_errors text[];
    v_edited boolean[];
    v_lost boolean[];
begin
    select l.* into v_lease from core.indexing_leases as l where l.lease_id = p_lease_id;
    select
        array_agg(q.ctid), array_agg(f.code), array_agg(left(f.error, 1000)),
        array_agg(q.generation <> v_lease.generations[h.place]),
        array_agg(q.generation = v_lease.generations[h.place] and q.attempts >= 3)
    into v_row_ids, v_codes, v_errors, v_edited, v_lost
    from core.lock_leased(
        p_lease_id, v_lease.workspace_ids, v_lease.page_ids, v_lease.nos, v_lease.row_ids, p_places
    ) as k
    cross join unnest(k.places, k.row_ids) as h (place, row_id)
    inner join unnest(p_places, p_codes, p_errors) as f (place, code, error) on f.place = h.place
    inner join core.indexing_queue as q on q.ctid = h.row_id;

    dead := core.bury_entries(
        array(select f.row_id from unnest(v_row_ids, v_lost) as f (row_id, lost) where f.lost),
        array(select f.code from unnest(v_codes, v_lost) as f (code, lost) where f.lost),
        array(select f.error from unnest(v_errors, v_lost) as f (error, lost) where f.lost),
        v_now
    );
    update core.indexing_queue as q
    set
        lease_id = null,
        lane = case when f.edited then 0 else 1 end,
        -- in lane 1 the due time in microseconds: see indexing.claim
        seq = case
            when f.edited then nextval('core.indexing_seq') else (extract(epoch from f.run_at) * 1000000)::bigint
        end,
        attempts = case when f.edited then 0 else q.attempts end,
        run_at = case when f.edited then v_now else f.run_at end,
        last_error = case when not f.edited then f.code || ': ' || f.error end
    from (
        select u.row_id, u.code, u.error, u.edited, r.run_at
        from unnest(v_row_ids, v_codes, v_errors, v_edited, v_lost) as u (row_id, code, error, edited, lost)
        inner join core.indexing_queue as e on e.ctid = u.row_id
        cross join lateral (
            select v_now + least(interval '15 minutes', interval '30 seconds' * power(2, e.attempts - 1))
                * (0.5 + random() / 2) as run_at
        ) as r
        where not u.lost
    ) as f
    where q.ctid = f.row_id;
    get diagnostics retried = row_count;
    if retried + dead > 0 then
        perform core.count_indexing('failed', retried + dead);
    end if;
    return next;
end;
$$;

comment on function indexing.fail(uuid, integer[], text[], text[]) is
'Charges failed entries, by place: retry alone after a doubling delay, dead letter after the third attempt.';
revoke all on function indexing.fail(uuid, integer[], text[], text[]) from public;
grant execute on function indexing.fail(uuid, integer[], text[], text[]) to quire_worker;

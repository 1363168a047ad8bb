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
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_lease core.indexing_leases;
    v_held integer[];
begin
    select l.* into v_lease from core.indexing_leases as l where l.lease_id = p_lease_id;
    select k.places into v_held
    from core.lock_leased(p_lease_id, v_lease.workspace_ids, v_lease.page_ids, v_lease.nos, p_places) as k;
    with failed as materialized (
        select
            q.workspace_id, q.page_id, q.no, q.attempts, f.code, left(f.error, 1000) as error,
            q.generation <> a.generation as edited,
            v_now + least(interval '15 minutes', interval '30 seconds' * power(2, q.attempts - 1))
            * (0.5 + random() / 2) as run_at
        from unnest(v_lease.workspace_ids, v_lease.page_ids, v_lease.nos, v_lease.generations)
            with ordinality as a (workspace_id, page_id, no, generation, place)
        inner join unnest(p_places, p_codes, p_errors) as f (place, code, error) on f.place = a.place
        inner join core.indexing_queue as q
            on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no and q.lease_id = p_lease_id
        where a.place = any(v_held)
    ),
    lost as (
        delete from core.indexing_queue as q
        using failed as f
        where not f.edited and f.attempts >= 3
            and q.workspace_id = f.workspace_id and q.page_id = f.page_id and q.no = f.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, q.attempts, q.enqueued_at, f.code, f.error
    ),
    buried as (
        insert into core.indexing_dead_letters as d
            (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
        select
            l.workspace_id, l.page_id, l.no, l.op, l.generation, l.attempts, l.enqueued_at, v_now, l.code, l.error,
            core.error_fingerprint(l.code, l.error)
        from lost as l
        order by l.workspace_id, l.page_id, l.no
        on conflict (workspace_id, page_id, no) do update
        set
            op = excluded.op, generation = excluded.generation, attempts = excluded.attempts,
            enqueued_at = excluded.enqueued_at, died_at = excluded.died_at, error_code = excluded.error_code,
            error = excluded.error, fingerprint = excluded.fingerprint, discarded_at = null
        returning 1
    ),
    returned as (
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
        from failed as f
        where (f.edited or f.attempts < 3)
            and q.workspace_id = f.workspace_id and q.page_id = f.page_id and q.no = f.no
        returning q.no
    )
    select (select count(*) from returned), (select count(*) from buried) into retried, dead;
    if dead > 0 then
        perform core.count_indexing('dead', dead);
    end if;
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

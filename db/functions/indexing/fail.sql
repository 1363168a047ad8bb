-- indexing.fail: attempts that failed through the entry itself (not through the provider as a whole: see
-- indexing.release). Retried alone (lane 1) with a jittered, doubling delay; dead after the third attempt. An entry
-- edited in flight starts anew: the failure was its old content's.
create or replace function indexing.fail(
    p_lease_id uuid,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_generations integer[],
    p_codes text[],
    p_errors text[]
)
returns table (retried integer, dead integer)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    perform 1
    from unnest(p_workspace_ids, p_page_ids, p_nos) as a (workspace_id, page_id, no)
    inner join core.indexing_queue as q
        on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no
    where q.lease_id = p_lease_id
    order by q.workspace_id, q.page_id, q.no
    for update of q;

    with held as (
        select
            q.workspace_id, q.page_id, q.no, q.attempts, a.code, left(a.error, 1000) as error,
            q.generation <> a.generation as edited,
            v_now + least(interval '15 minutes', interval '30 seconds' * power(2, q.attempts - 1))
            * (0.5 + random() / 2) as run_at
        from unnest(p_workspace_ids, p_page_ids, p_nos, p_generations, p_codes, p_errors)
            as a (workspace_id, page_id, no, generation, code, error)
        inner join core.indexing_queue as q
            on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no and q.lease_id = p_lease_id
    ),
    lost as (
        delete from core.indexing_queue as q
        using held as h
        where not h.edited and h.attempts >= 3
            and q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.generation, q.attempts, q.enqueued_at, h.code, h.error
    ),
    buried as (
        insert into core.indexing_dead_letters as d
            (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error)
        select l.workspace_id, l.page_id, l.no, l.op, l.generation, l.attempts, l.enqueued_at, v_now, l.code, l.error
        from lost as l
        order by l.workspace_id, l.page_id, l.no
        on conflict (workspace_id, page_id, no) do update
        set
            op = excluded.op, generation = excluded.generation, attempts = excluded.attempts,
            enqueued_at = excluded.enqueued_at, died_at = excluded.died_at,
            error_code = excluded.error_code, error = excluded.error
        returning 1
    ),
    returned as (
        update core.indexing_queue as q
        set
            lease_id = null, lease_until = null,
            lane = case when h.edited then 0 else 1 end,
            -- in lane 1 the due time in microseconds: see indexing.claim
            seq = case
                when h.edited then nextval('core.indexing_seq') else (extract(epoch from h.run_at) * 1000000)::bigint
            end,
            run_at = case when h.edited then v_now else h.run_at end,
            last_error = case when not h.edited then h.error end
        from held as h
        where (h.edited or h.attempts < 3)
            and q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no
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

comment on function indexing.fail(uuid, uuid[], uuid[], integer[], integer[], text[], text[]) is
'Charges failed entries: retry alone after a doubling delay, dead letter after the third attempt.';
revoke all on function indexing.fail(uuid, uuid[], uuid[], integer[], integer[], text[], text[]) from public;
grant execute on function indexing.fail(uuid, uuid[], uuid[], integer[], integer[], text[], text[]) to quire_worker;

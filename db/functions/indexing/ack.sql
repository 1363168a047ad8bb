-- indexing.ack: claimed rows are done. Short: first all their queue rows are locked in key order (waiting for saves
-- that hold one), then everything is decided under a snapshot taken after that. done: same generation, and the entry of
-- that version or a newer one is there: moves to the history. again: edited in flight (or not written): given back, to
-- settle for a second. What is neither was not this lease's.
create or replace function indexing.ack(
    p_lease_id uuid,
    p_model text,
    p_workspace_ids uuid[],
    p_page_ids uuid[],
    p_nos integer[],
    p_generations integer[],
    p_vers bigint[]
)
returns table (done integer, again integer)
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
            q.workspace_id, q.page_id, q.no,
            q.generation = a.generation and case
                when b.no is null or p.deleted_at is not null then e.no is null
                else e.ver >= a.ver and (b.body = '' or m.ver >= a.ver)
            end as finished
        from unnest(p_workspace_ids, p_page_ids, p_nos, p_generations, p_vers)
            as a (workspace_id, page_id, no, generation, ver)
        inner join core.indexing_queue as q
            on q.workspace_id = a.workspace_id and q.page_id = a.page_id and q.no = a.no and q.lease_id = p_lease_id
        left join core.pages as p on p.workspace_id = a.workspace_id and p.id = a.page_id
        left join core.indexable_blocks as b
            on b.workspace_id = a.workspace_id and b.page_id = a.page_id and b.no = a.no
        left join core.search_entries as e on e.workspace_id = a.workspace_id and e.page_id = a.page_id and e.no = a.no
        left join core.block_embeddings as m
            on m.workspace_id = a.workspace_id and m.page_id = a.page_id and m.no = a.no and m.model = p_model
    ),
    removed as (
        delete from core.indexing_queue as q
        using held as h
        where h.finished and q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no
        returning q.workspace_id, q.page_id, q.no, q.op, q.attempts, q.enqueued_at
    ),
    returned as (
        update core.indexing_queue as q
        set lease_id = null, lease_until = null, attempts = 0, run_at = v_now + interval '1 second'
        from held as h
        where h.finished is not true and q.workspace_id = h.workspace_id and q.page_id = h.page_id and q.no = h.no
        returning q.no
    ),
    kept as (
        insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
        select r.workspace_id, r.page_id, r.no, r.op, r.attempts, r.enqueued_at, v_now from removed as r
        returning 1
    )
    select (select count(*) from kept), (select count(*) from returned) into done, again;
    if done > 0 then
        perform core.count_indexing('done', done);
    end if;
    return next;
end;
$$;

comment on function indexing.ack(uuid, text, uuid[], uuid[], integer[], integer[], bigint[]) is
'Finishes claimed rows whose entries are written; rows edited meanwhile are given back.';
revoke all on function indexing.ack(uuid, text, uuid[], uuid[], integer[], integer[], bigint[]) from public;
grant execute on function indexing.ack(uuid, text, uuid[], uuid[], integer[], integer[], bigint[]) to quire_worker;

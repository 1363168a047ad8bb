-- core.enqueue_blocks: part of every save's transaction: its changed blocks, and those that are gone (no number in both
-- lists), become due for indexing. Writes in key order. A block that waits already is only locked (no tuple is
-- written): until this save commits no worker can claim it, so none reads the old text and acks it. A block in flight
-- gets a new generation: the worker's ack then keeps the row. A block indexed a moment ago settles for a second, and
-- while edits go on for at most five, so that a burst of edits costs two embeddings. Dead letters heal. No NOTIFY and
-- no job here: both would make saves wait for each other.
create or replace function core.enqueue_blocks(
    p_workspace_id uuid,
    p_page_id uuid,
    p_nos integer[],
    p_deleted_nos integer[],
    p_priority smallint
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_upserts constant integer := cardinality(p_nos);
    v_soon constant timestamptz := v_now + interval '1 second';
begin
    insert into core.indexing_queue as q (workspace_id, page_id, no, op, priority, run_at, enqueued_at)
    select
        p_workspace_id, p_page_id, c.no, case when c.place <= v_upserts then 'upsert' else 'delete' end, p_priority,
        case when (
            select e.indexed_at
            from core.search_entries as e
            where e.workspace_id = p_workspace_id and e.page_id = p_page_id and e.no = c.no
        ) > v_now - interval '1 second' then v_soon else v_now end,
        v_now
    from unnest(p_nos || p_deleted_nos) with ordinality as c (no, place)
    order by c.no
    on conflict (workspace_id, page_id, no) do update
    set
        op = excluded.op,
        priority = least(q.priority, excluded.priority),
        generation = q.generation + (q.lease_id is not null)::integer,
        attempts = 0,
        lane = 0,
        -- lane 1 keeps due times in seq
        seq = case when q.lane = 0 then q.seq else nextval('core.indexing_seq') end,
        run_at = case
            when q.lane = 0 and q.lease_id is null and q.run_at > v_now
                then least(v_soon, q.enqueued_at + interval '5 seconds')
            else excluded.run_at
        end,
        -- waiting for a new model is not lag
        enqueued_at = case when q.priority >= 300 then excluded.enqueued_at else q.enqueued_at end,
        last_error = null
    where q.lease_id is not null
        or q.lane <> 0
        -- put off: what it is now has not been written
        or q.last_error is not null
        or excluded.priority < q.priority
        or excluded.op <> q.op
        -- settling: put off again, but not at each keystroke
        or q.run_at > v_now
        and q.run_at < v_now + interval '500 milliseconds'
        and q.enqueued_at > v_now - interval '4 seconds';

    -- A statement of its own: its snapshot sees a dead letter that was written while the insert waited.
    if not exists (
        select from core.indexing_dead_letters as d where d.workspace_id = p_workspace_id and d.page_id = p_page_id
    ) then
        return;
    end if;
    with healed as (
        select d.no
        from core.indexing_dead_letters as d
        where d.workspace_id = p_workspace_id and d.page_id = p_page_id
            and (d.no = any(p_nos) or d.no = any(p_deleted_nos))
        order by d.no
        for update
    )
    delete from core.indexing_dead_letters as d
    using healed as h
    where d.workspace_id = p_workspace_id and d.page_id = p_page_id and d.no = h.no;
end;
$$;

comment on function core.enqueue_blocks(uuid, uuid, integer[], integer[], smallint) is
'Queues changed and deleted blocks (0: title and properties) for indexing; a waiting one is only locked.';
revoke all on function core.enqueue_blocks(uuid, uuid, integer[], integer[], smallint) from public;

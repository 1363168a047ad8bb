-- ops.replay_dead_letters: dead letters that match a filter go back into the queue as new edits (three attempts,
-- batched): at most p_limit (1 to 10000) a call, each call a short transaction; while next_filter is not NULL, call
-- again with it. Queue rows are locked before dead letters and both in key order, as a save does. A block that waits
-- already (waiting) only loses its dead letter. Audited. p_actor and p_token_id are who asks by the API. PT400
-- bad_filter, bad_limit.
create or replace function ops.replay_dead_letters(
    p_filter jsonb,
    p_limit integer default 1000,
    p_actor uuid default null,
    p_token_id uuid default null
)
returns table (replayed integer, waiting integer, next_filter jsonb)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_found record;
    v_queued integer;
begin
    select f.* into v_found from core.find_dead_letters(p_filter, p_limit) as f;
    insert into core.indexing_queue as q (workspace_id, page_id, no, op, priority, run_at, enqueued_at)
    select k.workspace_id, k.page_id, k.no, k.op, 100, v_now, v_now
    from unnest(v_found.workspace_ids, v_found.page_ids, v_found.nos, v_found.ops) as k (workspace_id, page_id, no, op)
    order by k.workspace_id, k.page_id, k.no
    on conflict (workspace_id, page_id, no) do update set op = q.op where false;  -- only locked
    get diagnostics v_queued = row_count;

    with locked as (
        select d.workspace_id, d.page_id, d.no
        from unnest(v_found.workspace_ids, v_found.page_ids, v_found.nos) as k (workspace_id, page_id, no)
        inner join core.indexing_dead_letters as d
            on d.workspace_id = k.workspace_id and d.page_id = k.page_id and d.no = k.no
        order by d.workspace_id, d.page_id, d.no
        for update of d
    )

    delete from core.indexing_dead_letters as d
    using locked as l
    where d.workspace_id = l.workspace_id and d.page_id = l.page_id and d.no = l.no;
    get diagnostics replayed = row_count;
    waiting := greatest(replayed - v_queued, 0);
    next_filter := v_found.next_filter;
    if replayed > 0 then
        perform core.write_audit(
            'dead_letters.replay', (p_filter ->> 'workspace_id')::uuid,
            jsonb_build_object('filter', p_filter, 'count', replayed, 'waiting', waiting), p_actor, p_token_id
        );
    end if;
    return next;
end;
$$;

comment on function ops.replay_dead_letters(jsonb, integer, uuid, uuid) is
'Puts dead letters that match a filter back into the queue, up to p_limit a call; go on with next_filter until NULL.
Audited. PT400 bad_filter, bad_limit.';
revoke all on function ops.replay_dead_letters(jsonb, integer, uuid, uuid) from public;

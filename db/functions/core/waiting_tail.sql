-- core.waiting_tail: the edits of a workspace that were queued last, up to p_limit of each priority and lane (lane 1:
-- what failed and is tried again), the newest first of each. It reads no more than it gives: without sorts only the end
-- of indexing_queue_turns_ix gives the order, whatever the statistics say.
create or replace function core.waiting_tail(
    p_workspace_id uuid,
    p_limit integer
)
returns table (page_id uuid, no integer, op text)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
set enable_bitmapscan = off
set enable_incremental_sort = off
set enable_seqscan = off
set enable_sort = off
as $$
begin
    return query
    select q.page_id, q.no, q.op
    from (values (0::smallint, 0::smallint), (0, 100), (1, 0), (1, 100)) as c (lane, priority)
    cross join lateral (
        select w.page_id, w.no, w.op from core.indexing_queue as w
        where (w.lane, w.priority, w.workspace_id) >= (c.lane, c.priority, p_workspace_id)
            and (w.lane, w.priority, w.workspace_id) <= (c.lane, c.priority, p_workspace_id)
            and w.lane >= 0  -- as the index has it
        order by w.lane desc, w.priority desc, w.workspace_id desc, w.seq desc
        limit p_limit
    ) as q;
end;
$$;

comment on function core.waiting_tail(uuid, integer) is
'Keys of the edits that a workspace queued last, up to p_limit of each priority and lane.';
revoke all on function core.waiting_tail(uuid, integer) from public;

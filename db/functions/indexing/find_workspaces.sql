-- indexing.find_workspaces: the workspaces that have entries of a priority in lane 0. Behind a seq: those of the next
-- p_limit entries in the ready index (what came since the drainer looked last), with the seq that it got to; by row
-- comparisons, which leave it the only index: `lane = 0` would admit the other, read whole and sorted. With
-- p_after_seq NULL: all, by leaping from workspace to workspace through indexing_queue_turns_ix, at most p_limit; dear
-- when an old snapshot keeps many drained rows, so a drainer asks for it rarely.
create or replace function indexing.find_workspaces(
    p_priority smallint,
    p_after_seq bigint,
    p_limit integer
)
returns table (workspace_ids uuid[], seq bigint)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
#variable_conflict use_column
begin
    if p_after_seq is not null then
        return query
        select coalesce(array_agg(distinct s.workspace_id), '{}'), max(s.seq)
        from (
            select q.workspace_id, q.seq
            from core.indexing_queue as q
            where (q.lane, q.priority, q.seq) > (0::smallint, p_priority, p_after_seq)
                and (q.lane, q.priority) <= (0::smallint, p_priority)
            order by q.lane, q.priority, q.seq
            limit p_limit
        ) as s;
        return;
    end if;
    return query
    with recursive leap (workspace_id, place) as (
        select '00000000-0000-0000-0000-000000000000'::uuid, 0
        union all
        select (
            select q.workspace_id
            from core.indexing_queue as q
            where (q.lane, q.priority, q.workspace_id) > (0::smallint, p_priority, l.workspace_id)
                and (q.lane, q.priority) <= (0::smallint, p_priority)
                and q.lane >= 0  -- as the index has it
            order by q.lane, q.priority, q.workspace_id, q.seq
            limit 1
        ), l.place + 1
        from leap as l
        where l.workspace_id is not null and l.place < p_limit
    )
    select coalesce(array_agg(l.workspace_id), '{}'), null::bigint
    from leap as l
    where l.place > 0 and l.workspace_id is not null;
end;
$$;

comment on function indexing.find_workspaces(smallint, bigint, integer) is
'Workspaces with entries of a priority: of the next entries behind a seq, or all (NULL).';
revoke all on function indexing.find_workspaces(smallint, bigint, integer) from public;
grant execute on function indexing.find_workspaces(smallint, bigint, integer) to quire_worker;

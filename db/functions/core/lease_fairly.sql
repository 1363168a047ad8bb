-- core.lease_fairly: like core.lease_first, but takes up to p_quota entries of each of some workspaces, each behind a
-- watermark of its own: one with many entries gets no more than one with few. The row comparisons make
-- indexing_queue_turns_ix the only index that gives the order, whatever the statistics say.
create or replace function core.lease_fairly(
    p_lane smallint,
    p_priority smallint,
    p_workspace_ids uuid[],
    p_after_seqs bigint[],
    p_due_seq bigint,
    p_quota integer,
    p_untried boolean,
    p_lease_id uuid,
    p_now timestamptz
)
returns table (
    workspace_ids uuid[], page_ids uuid[], nos integer[], generations integer[], seqs bigint[], row_ids tid[]
)
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
    return query
    with leased as (
        update core.indexing_queue as q
        set lease_id = p_lease_id, attempts = q.attempts + 1
        where q.ctid = any(array(
            select s.row_id
            from unnest(p_workspace_ids, p_after_seqs) as t (workspace_id, after_seq)
            cross join lateral (
                select d.ctid as row_id
                from core.indexing_queue as d
                where (d.lane, d.priority, d.workspace_id, d.seq)
                    > (p_lane, p_priority, t.workspace_id, t.after_seq)
                    and (d.lane, d.priority, d.workspace_id, d.seq)
                    <= (p_lane, p_priority, t.workspace_id, p_due_seq)
                    and d.lane >= 0  -- as the index has it
                    and d.lease_id is null and d.run_at <= p_now
                    and (not p_untried or d.last_error is null)
                order by d.lane, d.priority, d.workspace_id, d.seq
                limit p_quota
                for update skip locked
            ) as s
        ))
        returning q.workspace_id, q.page_id, q.no, q.generation, q.seq, q.ctid as row_id
    )
    select
        array_agg(s.workspace_id), array_agg(s.page_id), array_agg(s.no), array_agg(s.generation), array_agg(s.seq),
        array_agg(s.row_id)
    from (select l.* from leased as l order by l.workspace_id, l.page_id, l.no) as s;
end;
$$;

comment on function core.lease_fairly(
    smallint, smallint, uuid[], bigint[], bigint, integer, boolean, uuid, timestamptz
) is
'Takes due entries of several workspaces for a lease, as many of each; their keys and places, NULL when there is none.';
revoke all on function core.lease_fairly(
    smallint, smallint, uuid[], bigint[], bigint, integer, boolean, uuid, timestamptz
) from public;

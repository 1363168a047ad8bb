-- core.lease_first: marks the first due entries of a lane and priority behind a watermark as held by a lease, and
-- returns their keys in key order, and where the rows are now. Rows that others hold or are saving just now are passed
-- over. p_untried: only those that were not put off. The rows are updated by their places (ctid): they are locked, so
-- none can move.
create or replace function core.lease_first(
    p_lane smallint,
    p_priority smallint,
    p_after_seq bigint,
    p_due_seq bigint,
    p_limit integer,
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
            select d.ctid
            from core.indexing_queue as d
            where d.lane = p_lane and d.priority = p_priority
                and d.seq > p_after_seq and d.seq <= p_due_seq
                and d.lease_id is null and d.run_at <= p_now
                and (not p_untried or d.last_error is null)
            order by d.lane, d.priority, d.seq
            limit p_limit
            for update skip locked
        ))
        returning q.workspace_id, q.page_id, q.no, q.generation, q.seq, q.ctid as row_id
    )
    select
        array_agg(s.workspace_id), array_agg(s.page_id), array_agg(s.no), array_agg(s.generation), array_agg(s.seq),
        array_agg(s.row_id)
    from (select l.* from leased as l order by l.workspace_id, l.page_id, l.no) as s;
end;
$$;

comment on function core.lease_first(smallint, smallint, bigint, bigint, integer, boolean, uuid, timestamptz) is
'Takes the first due entries behind a watermark for a lease; their keys and places, NULL when there is none.';
revoke all on function core.lease_first(
    smallint, smallint, bigint, bigint, integer, boolean, uuid, timestamptz
) from public;

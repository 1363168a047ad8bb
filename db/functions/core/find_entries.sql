-- core.find_entries: at most p_limit entries of the indexing queue with one of p_statuses that match a filter (see
-- ops.list_indexing_entries) and finished from p_from (inclusive) to p_to (exclusive; NULL both: unfinished ones),
-- behind the sort key p_key: [finished, or infinity; enqueued; workspace; page; number], the first descending, the
-- others ascending. Planned anew each time, so that only those tables and partitions are read that can have such
-- entries.
create or replace function core.find_entries(
    p_filter jsonb,
    p_statuses text[],
    p_from timestamptz,
    p_to timestamptz,
    p_key jsonb,
    p_limit integer
)
returns table (
    workspace_id uuid,
    page_id uuid,
    no integer,
    op text,
    status text,
    priority smallint,
    attempts smallint,
    error text,
    enqueued_at timestamptz,
    run_at timestamptz,
    lease_until timestamptz,
    finished_at timestamptz,
    cursor text
)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    v_status constant text := p_filter ->> 'status';
    v_workspace_id constant uuid := p_filter ->> 'workspace_id';
    v_page_id constant uuid := p_filter ->> 'page_id';
    v_no constant integer := p_filter ->> 'no';
    v_finished_at constant timestamptz := p_key ->> 0;
    v_enqueued_at constant timestamptz := p_key ->> 1;
    v_key_workspace_id constant uuid := p_key ->> 2;
    v_key_page_id constant uuid := p_key ->> 3;
    v_key_no constant integer := p_key ->> 4;
begin
    return query
    select
        e.workspace_id, e.page_id, e.no, e.op, e.status, e.priority, e.attempts, e.error, e.enqueued_at, e.run_at,
        e.lease_until, e.finished_at,
        core.encode_cursor(jsonb_build_array(
            coalesce(e.finished_at, 'infinity'), e.enqueued_at, e.workspace_id, e.page_id, e.no
        ))
    from (
        select i.*
        from ops.indexing_entries as i
        where i.status = any(p_statuses)
            and (v_status is null or i.status = v_status)
            and (v_workspace_id is null or i.workspace_id = v_workspace_id)
            and (v_page_id is null or i.page_id = v_page_id)
            and (v_no is null or i.no = v_no)
            and (p_from is null or i.finished_at >= p_from)
            and (p_to is null or i.finished_at < p_to)
            and (
                i.finished_at < v_finished_at
                or (
                    (i.finished_at = v_finished_at or i.finished_at is null)
                    and (i.enqueued_at, i.workspace_id, i.page_id, i.no)
                    > (v_enqueued_at, v_key_workspace_id, v_key_page_id, v_key_no)
                )
            )
        order by i.finished_at desc, i.enqueued_at asc, i.workspace_id asc, i.page_id asc, i.no asc
        limit p_limit
    ) as e
    order by e.finished_at desc, e.enqueued_at asc, e.workspace_id asc, e.page_id asc, e.no asc;
end;
$$;

comment on function core.find_entries(jsonb, text[], timestamptz, timestamptz, jsonb, integer) is
'Entries of the indexing queue that match a filter, finished within a time or not at all, behind a sort key.';
revoke all on function core.find_entries(jsonb, text[], timestamptz, timestamptz, jsonb, integer) from public;

-- ops.list_indexing_entries: entries of the indexing queue (ops.indexing_entries), at most p_limit (1 to 1000): first
-- what waits or is being indexed, the oldest edit first, then what is finished, the newest first. Members of p_filter,
-- all of which count: status (pending, processing, completed, failed), workspace_id, page_id, no (one block),
-- finished_after (inclusive, UTC where no offset is given; what is not finished is not meant then). Each row has the
-- cursor that goes on behind it. The history of completed entries has no index, so that workers need not write one:
-- finished_after spares reading its older days. PT400 bad_filter, bad_limit, bad_cursor.
create or replace function ops.list_indexing_entries(
    p_filter jsonb default '{}',
    p_limit integer default 50,
    p_cursor text default null
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
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = 'force_custom_plan'
as $$
declare
    v_zero constant uuid := '00000000-0000-0000-0000-000000000000';
    v_key jsonb := jsonb_build_array('infinity', '-infinity', v_zero, v_zero, -1);  -- before all
    v_status text;
    v_workspace_id uuid;
    v_page_id uuid;
    v_no integer;
    v_finished_after timestamptz;
begin
    perform core.check_limit(p_limit, 1000);
    perform core.check_filter(
        p_filter, 'entries', array['status', 'workspace_id', 'page_id', 'no', 'finished_after']
    );
    v_status := p_filter ->> 'status';
    v_workspace_id := p_filter ->> 'workspace_id';
    v_page_id := p_filter ->> 'page_id';
    v_no := p_filter ->> 'no';
    v_finished_after := p_filter ->> 'finished_after';
    if p_cursor is not null then
        v_key := core.decode_cursor(p_cursor, '{timestamptz,timestamptz,uuid,uuid,integer}');
    end if;
    return query
    select
        e.workspace_id, e.page_id, e.no, e.op, e.status, e.priority, e.attempts, e.error, e.enqueued_at, e.run_at,
        e.lease_until, e.finished_at,
        core.encode_cursor(jsonb_build_array(e.sorted_at, e.enqueued_at, e.workspace_id, e.page_id, e.no))
    from (
        select i.*, coalesce(i.finished_at, 'infinity') as sorted_at
        from ops.indexing_entries as i
        where (v_status is null or i.status = v_status)
            and (v_workspace_id is null or i.workspace_id = v_workspace_id)
            and (v_page_id is null or i.page_id = v_page_id)
            and (v_no is null or i.no = v_no)
            and (v_finished_after is null or i.finished_at >= v_finished_after)
            and coalesce(i.finished_at, 'infinity') <= (v_key ->> 0)::timestamptz
            and (
                coalesce(i.finished_at, 'infinity') < (v_key ->> 0)::timestamptz
                or (i.enqueued_at, i.workspace_id, i.page_id, i.no)
                > ((v_key ->> 1)::timestamptz, (v_key ->> 2)::uuid, (v_key ->> 3)::uuid, (v_key ->> 4)::integer)
            )
        order by sorted_at desc, i.enqueued_at asc, i.workspace_id asc, i.page_id asc, i.no asc
        limit p_limit
    ) as e
    order by e.sorted_at desc, e.enqueued_at asc, e.workspace_id asc, e.page_id asc, e.no asc;
end;
$$;

comment on function ops.list_indexing_entries(jsonb, integer, text) is
'Entries of the indexing queue that match a filter: unfinished ones, oldest edit first, then finished ones, newest
first; keyset pages by cursor. PT400 bad_filter, bad_limit, bad_cursor.';
revoke all on function ops.list_indexing_entries(jsonb, integer, text) from public;
grant execute on function ops.list_indexing_entries(jsonb, integer, text) to quire_monitor;

-- ops.list_indexing_entries: entries of the indexing queue (ops.indexing_entries), at most p_limit (1 to 1000): first
-- what waits or is being indexed, the oldest edit first, then what is finished, the newest first. Members of p_filter,
-- all of which count: status (pending, processing, completed, failed), workspace_id, page_id, no (one block),
-- finished_after (inclusive, UTC where no offset is given; what is not finished is not meant then). Each row has the
-- cursor that goes on behind it. The history of completed entries has no index, for workers would have to write it: it
-- is read day by day, the newest first, until there are enough. PT400 bad_filter, bad_limit, bad_cursor.
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
set plan_cache_mode = 'force_custom_plan'  -- reads only tables and partitions that can have such entries
as $$
declare
    v_zero constant uuid := '00000000-0000-0000-0000-000000000000';
    v_key jsonb := jsonb_build_array('infinity', '-infinity', v_zero, v_zero, -1);  -- before all
    v_today constant timestamptz := date_trunc('day', core.clock());
    v_statuses text[];
    v_after timestamptz;
    v_from timestamptz;  -- NULL: what is not finished
    v_to timestamptz := 'infinity';
    v_left integer := p_limit;
    v_found integer;
begin
    perform core.check_limit(p_limit, 1000);
    perform core.check_filter(
        p_filter, 'entries', array['status', 'workspace_id', 'page_id', 'no', 'finished_after']
    );
    v_after := coalesce(p_filter ->> 'finished_after', '-infinity');
    if p_cursor is not null then
        v_key := core.decode_cursor(p_cursor, '{timestamptz,timestamptz,uuid,uuid,integer}');
    end if;
    if p_filter ? 'finished_after' or (v_key ->> 0)::timestamptz < 'infinity' then
        v_from := v_today;
    end if;
    loop
        v_statuses := case when v_from is null then '{pending,processing}' else '{completed,failed}' end;
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
            where i.status = any(v_statuses)
                and (not p_filter ? 'status' or i.status = p_filter ->> 'status')
                and (not p_filter ? 'workspace_id' or i.workspace_id = (p_filter ->> 'workspace_id')::uuid)
                and (not p_filter ? 'page_id' or i.page_id = (p_filter ->> 'page_id')::uuid)
                and (not p_filter ? 'no' or i.no = (p_filter ->> 'no')::integer)
                and (v_from is null or i.finished_at >= greatest(v_from, v_after) and i.finished_at < v_to)
                and (
                    i.finished_at < (v_key ->> 0)::timestamptz
                    or (
                        (i.finished_at is null or i.finished_at = (v_key ->> 0)::timestamptz)
                        and (i.enqueued_at, i.workspace_id, i.page_id, i.no)
                        > ((v_key ->> 1)::timestamptz, (v_key ->> 2)::uuid, (v_key ->> 3)::uuid, (v_key ->> 4)::integer)
                    )
                )
            order by i.finished_at desc, i.enqueued_at asc, i.workspace_id asc, i.page_id asc, i.no asc
            limit v_left
        ) as e
        order by e.finished_at desc, e.enqueued_at asc, e.workspace_id asc, e.page_id asc, e.no asc;
        get diagnostics v_found = row_count;
        v_left := v_left - v_found;
        if v_from is null then
            v_from := v_today;
        else
            v_to := v_from;
            v_from := case when v_from > v_today - interval '8 days' then v_from - interval '1 day' else '-infinity' end;
        end if;
        exit when v_left = 0 or v_to <= v_after;
    end loop;
end;
$$;

comment on function ops.list_indexing_entries(jsonb, integer, text) is
'Entries of the indexing queue that match a filter: unfinished ones, oldest edit first, then finished ones, newest
first; keyset pages by cursor. PT400 bad_filter, bad_limit, bad_cursor.';
revoke all on function ops.list_indexing_entries(jsonb, integer, text) from public;
grant execute on function ops.list_indexing_entries(jsonb, integer, text) to quire_monitor;

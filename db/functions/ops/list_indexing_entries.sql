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
as $$
declare
    v_zero constant uuid := '00000000-0000-0000-0000-000000000000';
    v_key jsonb := jsonb_build_array('infinity', '-infinity', v_zero, v_zero, -1);  -- before all
    v_today constant timestamptz := date_trunc('day', core.clock());
    v_after timestamptz;
    v_from timestamptz := v_today;
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
    if (v_key ->> 0)::timestamptz = 'infinity' and not p_filter ? 'finished_after' then
        return query
        select f.*
        from core.find_entries(p_filter, array['pending', 'processing'], null, null, v_key, v_left) as f;
        get diagnostics v_found = row_count;
        v_left := v_left - v_found;
    end if;
    while v_left > 0 and v_to > v_after loop
        return query
        select f.*
        from core.find_entries(
            p_filter, array['completed', 'failed'], greatest(v_from, v_after), v_to, v_key, v_left
        ) as f;
        get diagnostics v_found = row_count;
        v_left := v_left - v_found;
        v_to := v_from;
        v_from := case when v_from > v_today - interval '8 days' then v_from - interval '1 day' else '-infinity' end;
    end loop;
end;
$$;

comment on function ops.list_indexing_entries(jsonb, integer, text) is
'Entries of the indexing queue that match a filter: unfinished ones, oldest edit first, then finished ones, newest
first; keyset pages by cursor. PT400 bad_filter, bad_limit, bad_cursor.';
revoke all on function ops.list_indexing_entries(jsonb, integer, text) from public;
grant execute on function ops.list_indexing_entries(jsonb, integer, text) to quire_monitor;

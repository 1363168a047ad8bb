-- api.admin_list_indexing_entries: a part of the entries of the indexing queue as JSON, for operators: see
-- ops.list_indexing_entries. PT403 operator_required; PT400 bad_filter, bad_limit, bad_cursor.
create or replace function api.admin_list_indexing_entries(
    p_actor uuid,
    p_token_id uuid,
    p_filter jsonb,
    p_limit integer,
    p_cursor text
)
returns table (body text)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_operator(p_actor, p_token_id);
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over () as place, l.* from ops.list_indexing_entries(p_filter, p_limit + 1, p_cursor) as l
    )

    select jsonb_build_object(
        'entries', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'workspace_id', l.workspace_id, 'page_id', l.page_id, 'no', l.no, 'op', l.op, 'status', l.status,
                    'priority', l.priority, 'attempts', l.attempts, 'error', l.error,
                    'enqueued_at', core.rfc3339(l.enqueued_at), 'run_at', core.rfc3339(l.run_at),
                    'lease_until', core.rfc3339(l.lease_until), 'finished_at', core.rfc3339(l.finished_at)
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit then max(l.cursor) filter (where l.place = p_limit) end
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_indexing_entries(uuid, uuid, jsonb, integer, text) is
'Entries of the indexing queue that match a filter as JSON, for operators. PT403 operator_required; PT400 bad_filter,
bad_limit, bad_cursor.';
revoke all on function api.admin_list_indexing_entries(uuid, uuid, jsonb, integer, text) from public;
grant execute on function api.admin_list_indexing_entries(uuid, uuid, jsonb, integer, text) to quire_api;

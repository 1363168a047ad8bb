-- api.admin_list_dead_letters: a part of the list of dead letters as JSON, for operators: see ops.list_dead_letters.
-- PT403 operator_required; PT400 bad_filter, bad_limit, bad_cursor.
create or replace function api.admin_list_dead_letters(
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
        select row_number() over () as place, l.* from ops.list_dead_letters(p_filter, p_limit + 1, p_cursor) as l
    )

    select jsonb_build_object(
        'dead_letters', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'workspace_id', l.workspace_id, 'page_id', l.page_id, 'no', l.no, 'block_id', l.block_id,
                    'op', l.op, 'attempts', l.attempts, 'error_code', l.error_code, 'error', l.error,
                    'fingerprint', l.fingerprint, 'enqueued_at', core.rfc3339(l.enqueued_at),
                    'died_at', core.rfc3339(l.died_at), 'discarded_at', core.rfc3339(l.discarded_at)
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit then max(l.cursor) filter (where l.place = p_limit) end
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_dead_letters(uuid, uuid, jsonb, integer, text) is
'Dead letters that match a filter as JSON, for operators. PT403 operator_required; PT400 bad_filter, bad_limit,
bad_cursor.';
revoke all on function api.admin_list_dead_letters(uuid, uuid, jsonb, integer, text) from public;
grant execute on function api.admin_list_dead_letters(uuid, uuid, jsonb, integer, text) to quire_api;

-- api.admin_list_audit: a part of the audit log, newest first, for operators; at most p_limit (1 to 200). Each of
-- p_action (such as members.add), p_of_workspace_id and p_user_id (who did it) narrows it down; NULL does not. PT403
-- operator_required; PT400 bad_limit, bad_cursor.
create or replace function api.admin_list_audit(
    p_actor uuid,
    p_token_id uuid,
    p_action text,
    p_of_workspace_id uuid,
    p_user_id uuid,
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
declare
    v_key jsonb := case when p_cursor is not null
        then core.decode_cursor(p_cursor, '{timestamptz,timestamptz,uuid}') end;
begin
    perform core.check_operator(p_actor, p_token_id);
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over () as place, l.*
        from ops.list_audit(
            p_action, p_of_workspace_id, p_user_id, (v_key ->> 1)::timestamptz, (v_key ->> 2)::uuid, p_limit + 1
        ) as l
    )

    select jsonb_build_object(
        'entries', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'id', l.id, 'at', core.rfc3339(l.at), 'user_id', l.actor_user_id, 'token_id', l.actor_token_id,
                    'name', l.actor_name, 'action', l.action, 'workspace_id', l.workspace_id, 'details', l.details
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit
            then core.encode_cursor(
                (array_agg(jsonb_build_array(l.at, l.at, l.id) order by l.place))[p_limit]
            ) end
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_audit(uuid, uuid, text, uuid, uuid, integer, text) is
'The audit log as JSON, newest first, keyset pages, for operators. PT403 operator_required; PT400 bad_limit,
bad_cursor.';
revoke all on function api.admin_list_audit(uuid, uuid, text, uuid, uuid, integer, text) from public;
grant execute on function api.admin_list_audit(uuid, uuid, text, uuid, uuid, integer, text) to quire_api;

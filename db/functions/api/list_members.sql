-- api.list_members: a part of a workspace's members by id of the user, to its members and to operators; at most p_limit
-- (1 to 200). PT404 workspace_not_found; PT400 bad_limit, bad_cursor.
create or replace function api.list_members(
    p_workspace_id uuid,
    p_actor uuid,
    p_token_id uuid,
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
    perform core.check_access(p_workspace_id, p_actor, p_token_id, 'viewer');
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over (order by m.user_id) as place, m.*
        from ops.list_members(p_workspace_id, core.cursor_id(p_cursor), p_limit + 1) as m
    )

    select jsonb_build_object(
        'members', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'user_id', l.user_id, 'name', l.name, 'role', l.role, 'created_at', core.rfc3339(l.created_at)
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit
            then core.id_cursor((array_agg(l.user_id order by l.place))[p_limit]) end
    )::text
    from listed as l;
end;
$$;

comment on function api.list_members(uuid, uuid, uuid, integer, text) is
'Members of a workspace as JSON, keyset pages. PT404 workspace_not_found; PT400 bad_limit, bad_cursor.';
revoke all on function api.list_members(uuid, uuid, uuid, integer, text) from public;
grant execute on function api.list_members(uuid, uuid, uuid, integer, text) to quire_api;

-- api.admin_list_workspaces: a part of the list of workspaces of the installation, by id, for operators; at most
-- p_limit (1 to 200). PT403 operator_required; PT400 bad_limit, bad_cursor.
create or replace function api.admin_list_workspaces(
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
    perform core.check_operator(p_actor, p_token_id);
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over () as place, l.*
        from ops.list_workspaces(core.cursor_id(p_cursor), p_limit + 1) as l
    )

    select jsonb_build_object(
        'workspaces', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'id', l.id, 'name', l.name, 'created_at', core.rfc3339(l.created_at), 'members', l.members,
                    'owners', l.owners
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit
            then core.id_cursor((array_agg(l.id order by l.place))[p_limit]) end
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_workspaces(uuid, uuid, integer, text) is
'Workspaces of the installation, by id as JSON, for operators, keyset pages. PT403 operator_required; PT400 bad_limit,
bad_cursor.';
revoke all on function api.admin_list_workspaces(uuid, uuid, integer, text) from public;
grant execute on function api.admin_list_workspaces(uuid, uuid, integer, text) to quire_api;

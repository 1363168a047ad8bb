-- api.get_me: who the caller is: its user, its token (NULL for a JWT), the scopes of this request, and a part of its
-- workspaces by id, with its role; at most p_limit (1 to 200). p_only: the workspaces that a JWT names; NULL: all.
-- PT400 bad_limit, bad_cursor.
create or replace function api.get_me(
    p_actor uuid,
    p_token_id uuid,
    p_scopes text[],
    p_only uuid[],
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
    v_after constant uuid := core.cursor_id(p_cursor);
begin
    perform core.check_limit(p_limit, 200);
    return query
    with mine as materialized (
        select m.workspace_id, m.role
        from core.workspace_members as m
        where m.user_id = p_actor and (v_after is null or m.workspace_id > v_after)
            and (p_only is null or m.workspace_id = any(p_only))
        order by m.workspace_id
        limit p_limit + 1
    ),

    listed as (
        select row_number() over (order by mine.workspace_id) as place, mine.workspace_id, mine.role, w.name
        from mine
        inner join core.workspaces as w on w.id = mine.workspace_id
    )

    select jsonb_build_object(
        'user', (select jsonb_build_object('id', u.id, 'name', u.name) from core.users as u where u.id = p_actor),
        'token', (
            select core.token_body(t) from core.tokens as t where t.id = p_token_id and t.user_id = p_actor
        ),
        'scopes', to_jsonb(p_scopes),
        'workspaces', coalesce(
            jsonb_agg(
                jsonb_build_object('id', l.workspace_id, 'name', l.name, 'role', l.role) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit
            then core.id_cursor((array_agg(l.workspace_id order by l.place))[p_limit]) end
    )::text
    from listed as l;
end;
$$;

comment on function api.get_me(uuid, uuid, text[], uuid[], integer, text) is
'Who the caller is: user, token, scopes, workspaces with roles, as JSON. PT400 bad_limit, bad_cursor.';
revoke all on function api.get_me(uuid, uuid, text[], uuid[], integer, text) from public;
grant execute on function api.get_me(uuid, uuid, text[], uuid[], integer, text) to quire_api;

-- api.admin_list_tokens: a part of the list of tokens, newest first, for operators; at most p_limit (1 to 200).
-- p_user_id: only of this user; NULL: all. Never a hash. PT403 operator_required; PT400 bad_limit, bad_cursor.
create or replace function api.admin_list_tokens(
    p_actor uuid,
    p_token_id uuid,
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
begin
    perform core.check_operator(p_actor, p_token_id);
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over () as place, l.*
        from ops.list_tokens(p_user_id, core.cursor_id(p_cursor), p_limit + 1) as l
    )

    select jsonb_build_object(
        'tokens', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'id', l.id, 'user_id', l.user_id, 'user_name', l.user_name, 'name', l.name,
                    'scopes', to_jsonb(l.scopes), 'created_at', core.rfc3339(l.created_at),
                    'expires_at', core.rfc3339(l.expires_at), 'revoked_at', core.rfc3339(l.revoked_at),
                    'last_used_at', core.rfc3339(l.last_used_at)
                ) order by l.place
            ) filter (where l.place <= p_limit), '[]'
        ),
        'next_cursor', case when count(*) > p_limit
            then core.id_cursor((array_agg(l.id order by l.place))[p_limit]) end
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_tokens(uuid, uuid, uuid, integer, text) is
'Tokens, newest first as JSON, for operators, keyset pages. PT403 operator_required; PT400 bad_limit, bad_cursor.';
revoke all on function api.admin_list_tokens(uuid, uuid, uuid, integer, text) from public;
grant execute on function api.admin_list_tokens(uuid, uuid, uuid, integer, text) to quire_api;

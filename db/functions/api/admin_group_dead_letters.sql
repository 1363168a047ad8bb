-- api.admin_group_dead_letters: dead letters by error fingerprint as JSON, for operators: see ops.group_dead_letters.
-- PT403 operator_required; PT400 bad_filter, bad_limit.
create or replace function api.admin_group_dead_letters(
    p_actor uuid,
    p_token_id uuid,
    p_filter jsonb,
    p_limit integer
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
    return query
    select jsonb_build_object(
        'groups', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'fingerprint', g.fingerprint, 'error_code', g.error_code, 'entries', g.entries,
                    'workspaces', g.workspaces, 'first_died_at', core.rfc3339(g.first_died_at),
                    'last_died_at', core.rfc3339(g.last_died_at), 'sample', g.sample,
                    'alerted_at', core.rfc3339(g.alerted_at)
                ) order by g.entries desc, g.fingerprint
            ), '[]'
        )
    )::text
    from ops.group_dead_letters(p_filter, p_limit) as g;
end;
$$;

comment on function api.admin_group_dead_letters(uuid, uuid, jsonb, integer) is
'Dead letters by error fingerprint as JSON, for operators. PT403 operator_required; PT400 bad_filter, bad_limit.';
revoke all on function api.admin_group_dead_letters(uuid, uuid, jsonb, integer) from public;
grant execute on function api.admin_group_dead_letters(uuid, uuid, jsonb, integer) to quire_api;

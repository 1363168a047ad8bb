-- api.admin_list_limited: who is limited now or close to it as JSON, for operators: see ops.list_limited. PT403
-- operator_required; PT400 bad_limit.
create or replace function api.admin_list_limited(
    p_actor uuid,
    p_token_id uuid,
    p_limit integer
)
returns table (body text)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_operator(p_actor, p_token_id);
    perform core.check_limit(p_limit, 200);
    return query
    with listed as materialized (
        select row_number() over () as place, l.* from ops.list_limited(p_limit) as l
    )

    select jsonb_build_object(
        'limited', coalesce(
            jsonb_agg(
                jsonb_build_object(
                    'policy', l.policy, 'per', l.per, 'mode', l.mode, 'key', l.key, 'who', l.who, 'state', l.state,
                    'used', l.used, 'points', l.points, 'until', core.rfc3339(l.until)
                ) order by l.place
            ), '[]'
        )
    )::text
    from listed as l;
end;
$$;

comment on function api.admin_list_limited(uuid, uuid, integer) is
'Who is limited now or close to it as JSON, for operators. PT403 operator_required; PT400 bad_limit.';
revoke all on function api.admin_list_limited(uuid, uuid, integer) from public;
grant execute on function api.admin_list_limited(uuid, uuid, integer) to quire_api;

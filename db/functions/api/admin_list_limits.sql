-- api.admin_list_limits: the rate policies as JSON, for operators: see ops.list_rate_policies. PT403 operator_required.
create or replace function api.admin_list_limits(
    p_actor uuid,
    p_token_id uuid
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
    select jsonb_build_object('policies', coalesce(jsonb_agg(to_jsonb(p) order by p.name), '[]'))::text
    from ops.list_rate_policies() as p;
end;
$$;

comment on function api.admin_list_limits(uuid, uuid) is
'Rate policies as JSON, for operators. PT403 operator_required.';
revoke all on function api.admin_list_limits(uuid, uuid) from public;
grant execute on function api.admin_list_limits(uuid, uuid) to quire_api;

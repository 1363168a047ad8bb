-- api.admin_indexing_state: the state of the indexing queue as JSON, for operators: see ops.describe_indexing. PT403
-- operator_required.
create or replace function api.admin_indexing_state(
    p_actor uuid,
    p_token_id uuid
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
    return query select ops.describe_indexing()::text;
end;
$$;

comment on function api.admin_indexing_state(uuid, uuid) is
'State of the indexing queue, for operators. PT403 operator_required.';
revoke all on function api.admin_indexing_state(uuid, uuid) from public;
grant execute on function api.admin_indexing_state(uuid, uuid) to quire_api;

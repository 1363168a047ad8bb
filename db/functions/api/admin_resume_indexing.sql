-- api.admin_resume_indexing: see ops.resume_indexing. Answers with the state. PT403 operator_required.
create or replace function api.admin_resume_indexing(
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
    perform ops.resume_indexing(p_actor, p_token_id);
    return query select ops.describe_indexing()::text;
end;
$$;

comment on function api.admin_resume_indexing(uuid, uuid) is
'Lets workers claim again, for operators; answers with the state. PT403 operator_required.';
revoke all on function api.admin_resume_indexing(uuid, uuid) from public;
grant execute on function api.admin_resume_indexing(uuid, uuid) to quire_api;

-- ops.list_audit: what operators did, the newest first, at most p_limit (1 to 1000); the parameters that are not NULL
-- narrow it down. Pages: p_before and p_before_id are at and id of the last entry read. PT400 bad_limit.
create or replace function ops.list_audit(
    p_action text default null,
    p_workspace_id uuid default null,
    p_actor_user_id uuid default null,
    p_before timestamptz default null,
    p_before_id uuid default null,
    p_limit integer default 50
)
returns table (
    id uuid,
    at timestamptz,
    actor_user_id uuid,
    actor_token_id uuid,
    actor_name text,
    action text,
    workspace_id uuid,
    details jsonb
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    perform core.check_limit(p_limit, 1000);
    return query
    select a.id, a.at, a.actor_user_id, a.actor_token_id, a.actor_name, a.action, a.workspace_id, a.details
    from core.audit_log as a
    where (a.at, a.id) < (
        coalesce(p_before, 'infinity'), coalesce(p_before_id, 'ffffffff-ffff-ffff-ffff-ffffffffffff')
    )
        and (p_action is null or a.action = p_action)
        and (p_workspace_id is null or a.workspace_id = p_workspace_id)
        and (p_actor_user_id is null or a.actor_user_id = p_actor_user_id)
    order by a.at desc, a.id desc
    limit p_limit;
end;
$$;

comment on function ops.list_audit(text, uuid, uuid, timestamptz, uuid, integer) is
'Entries of the audit log, newest first, keyset pages. PT400 bad_limit.';
revoke all on function ops.list_audit(text, uuid, uuid, timestamptz, uuid, integer) from public;
grant execute on function ops.list_audit(text, uuid, uuid, timestamptz, uuid, integer) to quire_monitor;

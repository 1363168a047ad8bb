-- core.member_body: a member as answers show it. PT404 member_not_found.
create or replace function core.member_body(
    p_workspace_id uuid,
    p_user_id uuid
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body jsonb;
begin
    select jsonb_build_object(
        'user_id', m.user_id, 'name', u.name, 'role', m.role, 'created_at', core.rfc3339(m.created_at)
    ) into v_body
    from core.workspace_members as m
    inner join core.users as u on u.id = m.user_id
    where m.workspace_id = p_workspace_id and m.user_id = p_user_id;
    if v_body is null then
        raise exception 'the workspace has no such member' using errcode = 'PT404', constraint = 'member_not_found',
            detail = jsonb_build_object('user_id', p_user_id)::text;
    end if;
    return v_body;
end;
$$;

comment on function core.member_body(uuid, uuid) is
'A member of a workspace as JSON. PT404 member_not_found.';
revoke all on function core.member_body(uuid, uuid) from public;

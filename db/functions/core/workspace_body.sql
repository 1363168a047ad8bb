-- core.workspace_body: a workspace as answers show it to an actor: role is the actor's, null for an operator who is no
-- member.
create or replace function core.workspace_body(
    p_workspace_id uuid,
    p_actor uuid
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return (
        select jsonb_build_object(
            'id', w.id, 'name', w.name, 'created_at', core.rfc3339(w.created_at), 'role', (
                select m.role from core.workspace_members as m
                where m.workspace_id = w.id and m.user_id = p_actor
            )
        )
        from core.workspaces as w
        where w.id = p_workspace_id
    );
end;
$$;

comment on function core.workspace_body(uuid, uuid) is
'A workspace as JSON, with the actor''s role in it.';
revoke all on function core.workspace_body(uuid, uuid) from public;

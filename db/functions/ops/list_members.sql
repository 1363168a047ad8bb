-- ops.list_members: members of a workspace by id of the user; at most p_limit (1 to 1000) behind p_after. PT400
-- bad_limit.
create or replace function ops.list_members(
    p_workspace_id uuid,
    p_after uuid default null,
    p_limit integer default 1000
)
returns table (
    user_id uuid,
    name text,
    role text,
    created_at timestamptz
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
    select m.user_id, u.name, m.role, m.created_at
    from core.workspace_members as m
    inner join core.users as u on u.id = m.user_id
    where m.workspace_id = p_workspace_id and (p_after is null or m.user_id > p_after)
    order by m.user_id
    limit p_limit;
end;
$$;

comment on function ops.list_members(uuid, uuid, integer) is
'Members of a workspace, keyset pages by id of the user. PT400 bad_limit.';
revoke all on function ops.list_members(uuid, uuid, integer) from public;

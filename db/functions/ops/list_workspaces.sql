-- ops.list_workspaces: workspaces by id; at most p_limit (1 to 1000) behind p_after. PT400 bad_limit.
create or replace function ops.list_workspaces(
    p_after uuid default null,
    p_limit integer default 1000
)
returns table (
    id uuid,
    name text,
    created_at timestamptz,
    members bigint,
    owners bigint
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
    select
        w.id, w.name, w.created_at,
        (select count(*) from core.workspace_members as m where m.workspace_id = w.id),
        (select count(*) from core.workspace_members as m where m.workspace_id = w.id and m.role = 'owner')
    from core.workspaces as w
    where p_after is null or w.id > p_after
    order by w.id
    limit p_limit;
end;
$$;

comment on function ops.list_workspaces(uuid, integer) is
'Workspaces with how many members and owners they have, keyset pages by id. PT400 bad_limit.';
revoke all on function ops.list_workspaces(uuid, integer) from public;

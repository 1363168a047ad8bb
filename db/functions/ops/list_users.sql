-- ops.list_users: users by id, which is the order they were made in; at most p_limit (1 to 1000) behind p_after. PT400
-- bad_limit.
create or replace function ops.list_users(
    p_after uuid default null,
    p_limit integer default 1000
)
returns table (
    id uuid,
    name text,
    created_at timestamptz,
    workspaces bigint,
    tokens bigint,
    subjects bigint
)
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    perform core.check_limit(p_limit, 1000);
    return query
    select
        u.id, u.name, u.created_at,
        (select count(*) from core.workspace_members as m where m.user_id = u.id),
        (
            select count(*) from core.tokens as t
            where t.user_id = u.id and coalesce(t.revoked_at > v_now, true) and coalesce(t.expires_at > v_now, true)
        ),
        (select count(*) from core.subjects as s where s.user_id = u.id and s.disabled_at is null)
    from core.users as u
    where p_after is null or u.id > p_after
    order by u.id
    limit p_limit;
end;
$$;

comment on function ops.list_users(uuid, integer) is
'Users with how many workspaces, valid tokens and subjects they have, keyset pages by id. PT400 bad_limit.';
revoke all on function ops.list_users(uuid, integer) from public;

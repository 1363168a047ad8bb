-- core.find_pages: pages of a workspace edited since p_since, newest first, at most p_limit of them; p_after is the
-- place that the list goes on from: edited_minute, updated_at and id of a page. With p_recent (p_since is at most 7 days
-- ago) out of pages_updated_recent_idx, else out of pages_workspace_updated_idx, in order: no more rows than are
-- returned, and those of the same minute. The statement is made here, because the planner takes a partial index only
-- when the query's text implies its predicate.
create or replace function core.find_pages(
    p_workspace_id uuid,
    p_after jsonb,
    p_since timestamptz,
    p_recent boolean,
    p_limit integer
)
returns setof core.pages
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return query execute
        'select p.* from core.pages as p'
        || ' where p.workspace_id = $1 and p.edited_minute between date_trunc(''minute'', $5, ''UTC'') and $2'
        || case when p_recent then ' and p.recent' else '' end
        || ' and (p.edited_minute, p.updated_at, p.id) < ($2, $3, $4)'
        || ' and p.updated_at >= $5 and p.deleted_at is null'
        || ' order by p.edited_minute desc, p.updated_at desc, p.id desc limit $6'
    using
        p_workspace_id, (p_after ->> 0)::timestamptz, (p_after ->> 1)::timestamptz, (p_after ->> 2)::uuid, p_since,
        p_limit;
end;
$$;

comment on function core.find_pages(uuid, jsonb, timestamptz, boolean, integer) is
'Pages of a workspace by time of their newest version, newest first, after a given place.';
revoke all on function core.find_pages(uuid, jsonb, timestamptz, boolean, integer) from public;

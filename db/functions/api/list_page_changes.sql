-- api.list_page_changes: the log of a page after version p_since (NULL: as far back as it goes), oldest first, at most
-- p_limit (1 to 200, default 50) changes; next is what to pass as p_since for more, null at the end. ops lead from the
-- version before to version. PT404 workspace_not_found, page_not_found; PT400 bad_limit; PT422 version_unknown;
-- PT410 version_purged; XX001 history_damaged: the log has a gap there.
create or replace function api.list_page_changes(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_since bigint,
    p_limit integer
)
returns table (body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant core.pages := core.read_page(p_workspace_id, p_actor, p_page_id);
    v_limit constant integer := coalesce(p_limit, 50);
    v_since bigint := p_since;
begin
    if v_limit not between 1 and 200 then
        raise exception 'limit must be 1 to 200, not %', v_limit
            using errcode = 'PT400', constraint = 'bad_limit', detail = '{"minimum": 1, "maximum": 200}';
    end if;
    if v_since is null then
        select coalesce(min(changes.version) - 1, v_page.version) into v_since
        from core.page_changes as changes
        where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id;
    end if;
    perform core.check_since(v_page, v_since);
    return query
        select
            '{"changes": [' || coalesce(
                string_agg(
                    '{"version": ' || listed.version || ', "base_version": ' || listed.base_version || ', "actor": '
                    || coalesce('"' || listed.actor || '"', 'null') || ', "at": "' || core.rfc3339(listed.at)
                    || '", "kind": "' || listed.kind || '", "ops": ' || listed.ops || '}',
                    ', ' order by listed.version
                ), ''
            ) || '], "next": ' || coalesce(nullif(max(listed.version), v_page.version)::text, 'null') || '}'
        from (
            select changes.*
            from core.page_changes as changes
            where changes.workspace_id = p_workspace_id and changes.page_id = p_page_id
                and changes.version > v_since
            order by changes.version
            limit v_limit
        ) as listed;
end;
$$;

comment on function api.list_page_changes(uuid, uuid, uuid, bigint, integer) is
'The log of a page after a version, oldest first. PT404 workspace_not_found, page_not_found; PT400 bad_limit;
PT422 version_unknown; PT410 version_purged; XX001 history_damaged.';
revoke all on function api.list_page_changes(uuid, uuid, uuid, bigint, integer) from public;
grant execute on function api.list_page_changes(uuid, uuid, uuid, bigint, integer) to quire_api;

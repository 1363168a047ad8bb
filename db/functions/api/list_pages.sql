-- api.list_pages: pages of a workspace, newest first, without blocks; at most p_limit (1 to 200, default 50) of them.
-- p_cursor is the next_cursor of the answer before: opaque, it is the sort key of its last page. p_updated_within keeps
-- only pages changed within that time; up to 7 days they are read from the small index of recent pages (see
-- core.find_pages). PT404 workspace_not_found; PT400 bad_cursor, bad_limit.
create or replace function api.list_pages(
    p_workspace_id uuid,
    p_actor uuid,
    p_limit integer,
    p_cursor text,
    p_updated_within interval
)
returns table (body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limit constant integer := coalesce(p_limit, 50);
    v_since constant timestamptz := coalesce(core.clock() - p_updated_within, '-infinity');
    v_key jsonb := '["infinity", "infinity", "ffffffff-ffff-ffff-ffff-ffffffffffff"]';
begin
    perform core.check_member(p_workspace_id, p_actor, 'viewer');
    if v_limit not between 1 and 200 then
        raise exception 'limit must be 1 to 200, not %', v_limit
            using errcode = 'PT400', constraint = 'bad_limit', detail = '{"minimum": 1, "maximum": 200}';
    end if;
    if p_cursor is not null then
        v_key := core.decode_cursor(p_cursor, '{timestamptz,timestamptz,uuid}');
    end if;
    return query
        with found as materialized (
            select pages.*
            from core.find_pages(
                p_workspace_id, v_key, v_since, p_updated_within <= interval '7 days', v_limit + 1
            ) as pages
        ),

        listed as (
            select found.*
            from found
            order by found.edited_minute desc, found.updated_at desc, found.id desc
            limit v_limit
        )

        select
            '{"pages": [' || coalesce(
                string_agg(
                    '{"id": "' || listed.id || '", "title": ' || to_json(listed.title) || ', "properties": '
                    || listed.properties || ', "version": ' || listed.version || ', "created_at": "'
                    || core.rfc3339(listed.created_at) || '", "updated_at": "' || core.rfc3339(listed.updated_at)
                    || '", "blocks": ' || cardinality(listed.block_order) || '}',
                    ', ' order by listed.edited_minute desc, listed.updated_at desc, listed.id desc
                ), ''
            ) || '], "next_cursor": ' || case
                when (select count(*) from found) > v_limit
                    then to_json(core.encode_cursor((
                        array_agg(
                            jsonb_build_array(listed.edited_minute, listed.updated_at, listed.id)
                            order by listed.edited_minute, listed.updated_at, listed.id
                        )
                    )[1]))::text
                else 'null'
            end || '}'
        from listed;
end;
$$;

comment on function api.list_pages(uuid, uuid, integer, text, interval) is
'Pages of a workspace, newest first, keyset pages. PT404 workspace_not_found; PT400 bad_cursor, bad_limit.';
revoke all on function api.list_pages(uuid, uuid, integer, text, interval) from public;
grant execute on function api.list_pages(uuid, uuid, integer, text, interval) to quire_api;

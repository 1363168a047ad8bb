-- core.page_at: what a page was at one of its versions: title and properties, block numbers in order, blocks. Whether
-- the page is deleted is not looked at. PT404 page_not_found, version_not_found; PT410 version_purged: retention took
-- it. XX001 history_damaged, with the last version before it that can be had: no way there proves itself.
create or replace function core.page_at(
    p_workspace_id uuid,
    p_page_id uuid,
    p_version bigint,
    out head jsonb,
    out block_order integer[],
    out blocks jsonb[],
    out content_hash numeric
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_current bigint;
    v_floor bigint;
    v_last bigint;
begin
    select pages.version into v_current
    from core.pages
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    if v_current is null then
        raise exception 'there is no such page in this workspace'
            using errcode = 'PT404', constraint = 'page_not_found',
            detail = jsonb_build_object('page_id', p_page_id)::text;
    elsif (p_version between 1 and v_current) is not true then
        raise exception 'there is no version %: the page is at version %', p_version, v_current
            using errcode = 'PT404', constraint = 'version_not_found',
            detail = jsonb_build_object('current_version', v_current)::text;
    end if;
    select states.* into head, block_order, blocks, content_hash
    from core.page_state(p_workspace_id, p_page_id, p_version, true) as states;
    if blocks is not null then
        return;
    end if;
    v_floor := core.page_floor(p_workspace_id, p_page_id);
    if p_version < v_floor then
        raise exception 'version % is no longer kept: every version from % on is', p_version, v_floor
            using errcode = 'PT410', constraint = 'version_purged',
            detail = jsonb_build_object('oldest_version', v_floor, 'current_version', v_current)::text;
    end if;
    -- far enough to find the snapshot before a gap
    for v_version in reverse p_version - 1..greatest(v_floor, p_version - 100) loop
        v_last := v_version;
        exit when (select states.blocks from core.page_state(p_workspace_id, p_page_id, v_version, true) as states)
            is not null;
        v_last := null;
    end loop;
    raise exception 'the history of page % is damaged at version %: run `quire verify`', p_page_id, p_version
        using errcode = 'XX001', constraint = 'history_damaged',
        detail = jsonb_build_object('version', p_version, 'last_consistent_version', v_last)::text;
end;
$$;

comment on function core.page_at(uuid, uuid, bigint) is
'What a page was at one of its versions. PT404 page_not_found, version_not_found; PT410 version_purged;
XX001 history_damaged.';
revoke all on function core.page_at(uuid, uuid, bigint) from public;

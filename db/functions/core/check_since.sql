-- core.check_since: whether the log has every change of a page after a version.
-- PT422 version_unknown: above the newest, or below 0; PT410 version_purged; XX001 history_damaged: a row is missing.
create or replace function core.check_since(
    p_page core.pages,
    p_since bigint
)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_rows bigint;
    v_first bigint;
    v_last bigint;
begin
    if (p_since between 0 and p_page.version) is not true then
        raise exception 'there is no version % yet: the page is at version %', p_since, p_page.version
            using errcode = 'PT422', constraint = 'version_unknown',
            detail = jsonb_build_object('current_version', p_page.version)::text;
    end if;
    select count(*), min(changes.version) into v_rows, v_first
    from core.page_changes as changes
    where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id and changes.version > p_since;
    if v_rows = p_page.version - p_since then
        return;
    elsif v_first = p_since + 1 or exists (
        select from core.page_changes as changes
        where changes.workspace_id = p_page.workspace_id and changes.page_id = p_page.id
            and changes.version <= p_since
    ) then
        select max(changes.version) into v_last
        from (
            select given.version, row_number() over (order by given.version) as place
            from core.page_changes as given
            where given.workspace_id = p_page.workspace_id and given.page_id = p_page.id and given.version > p_since
        ) as changes
        where changes.version = p_since + changes.place;
        raise exception 'the log of page % has a gap after version %: run `quire verify`', p_page.id,
            coalesce(v_last, p_since)
            using errcode = 'XX001', constraint = 'history_damaged',
            detail = jsonb_build_object('last_consistent_version', coalesce(v_last, p_since))::text;
    end if;
    raise exception 'the changes since version % are no longer kept: every version from % on is', p_since,
        core.page_floor(p_page.workspace_id, p_page.id)
        using errcode = 'PT410', constraint = 'version_purged', detail = jsonb_build_object(
            'oldest_version', core.page_floor(p_page.workspace_id, p_page.id), 'current_version', p_page.version
        )::text;
end;
$$;

comment on function core.check_since(core.pages, bigint) is
'Whether the log has every change of a page after a version. PT422 version_unknown; PT410 version_purged;
XX001 history_damaged.';
revoke all on function core.check_since(core.pages, bigint) from public;

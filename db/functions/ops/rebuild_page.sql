-- ops.rebuild_page: repairs what ops.verify_page finds wrong, as far as the rest of the page's history proves what was
-- there, and says what it did, a row each: page_rebuilt (a version of kind repair: content changed), rows_tidied,
-- hash_filled, snapshot_rebuilt, snapshot_dropped, change_rewritten; and what it cannot: page_not_repairable,
-- version_not_repairable, with the last version that can be had. Idempotent; no row where nothing was wrong. Audited.
-- Locks the page's row as a save does. For operators: no role of a service may call it.
create or replace function ops.rebuild_page(
    p_workspace_id uuid,
    p_page_id uuid
)
returns table (action text, detail jsonb)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
    v_version bigint;
    v_done integer;
    v_rows integer;
begin
    select pages.* into v_page
    from core.pages
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id
    for no key update;
    if v_page.id is null then
        return;
    end if;
    -- each leans on those before it
    return query select repaired.action, repaired.detail from core.repair_live(v_page) as repaired;
    get diagnostics v_done = row_count;
    for v_version in select core.check_snapshots(p_workspace_id, p_page_id) loop
        delete from core.page_snapshots as snapshots
        where snapshots.workspace_id = p_workspace_id and snapshots.page_id = p_page_id
            and snapshots.version = v_version;
        return query select
            case when core.make_snapshot(p_workspace_id, p_page_id, v_version) then 'snapshot_rebuilt'
                else 'snapshot_dropped' end,
            jsonb_build_object('version', v_version);
        v_done := v_done + 1;
    end loop;
    return query select repaired.action, repaired.detail from core.repair_log(p_workspace_id, p_page_id) as repaired;
    get diagnostics v_rows = row_count;
    if v_done + v_rows > 0 then
        perform core.write_audit(
            'pages.repair', p_workspace_id, jsonb_build_object('page_id', p_page_id, 'steps', v_done + v_rows),
            null, null
        );
    end if;
end;
$$;

comment on function ops.rebuild_page(uuid, uuid) is
'Repairs a page and its history as far as the rest of them proves what was there; what it did, a row each.';
revoke all on function ops.rebuild_page(uuid, uuid) from public;

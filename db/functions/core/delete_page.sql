-- core.delete_page: deletes a page: a version of its own, with rows and history kept until retention takes them.
-- Its id stays taken. PT428 precondition_required; PT412 version_mismatch; PT404 workspace_not_found, page_not_found;
-- PT403 role_required.
create or replace function core.delete_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[]
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_page core.pages;
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    v_page := core.lock_page(p_workspace_id, p_page_id);
    perform core.check_precondition(p_if_match, v_page.version);
    perform set_config('quire.saving', p_page_id || ':' || v_page.version + 1, true);
    update core.pages
    set
        version = v_page.version + 1, deleted_at = v_now, updated_at = v_now, updated_by = p_actor,
        edited_minute = date_trunc('minute', v_now, 'UTC')
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    insert into core.page_changes (
        workspace_id, page_id, version, at, base_version, actor, kind, ops, undo, touched, content_hash
    )
    values (
        p_workspace_id, p_page_id, v_page.version + 1, v_now, v_page.version, p_actor, 'delete', '[]',
        '{"blocks": {}}', '[]', v_page.content_hash
    );
    if (v_page.version + 1) % 10 = 0 then
        insert into core.page_snapshots_due (workspace_id, page_id, version)
        values (p_workspace_id, p_page_id, v_page.version + 1);
    end if;
    perform core.enqueue_blocks(p_workspace_id, p_page_id, '{}', 0 || v_page.block_order, 100::smallint);
    return row(204, p_page_id, v_page.version + 1, 0, false, null)::core.write_answer;
end;
$$;

comment on function core.delete_page(uuid, uuid, uuid, text[]) is
'Deletes a page, as a version. PT428 precondition_required; PT412 version_mismatch; PT404 workspace_not_found,
page_not_found; PT403 role_required.';
revoke all on function core.delete_page(uuid, uuid, uuid, text[]) from public;

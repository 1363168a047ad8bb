-- core.delete_page: deletes a page: a version of its own, with rows and history kept until retention takes them.
-- Its id stays taken. PT428 precondition_required; PT412 version_mismatch; PT404 workspace_not_found, page_not_found;
-- PT403 role_required.
create or replace function core.delete_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[]
)
returns table (status smallint, page_id uuid, version bigint, blocks integer, replayed boolean, body text)
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
    version := v_page.version + 1;
    perform set_config('quire.saving', p_page_id || ':' || version, true);
    update core.pages
    set
        version = delete_page.version, deleted_at = v_now, updated_at = v_now, updated_by = p_actor,
        edited_minute = date_trunc('minute', v_now, 'UTC')
    where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    perform set_config('quire.saving', '', true);
    insert into core.page_changes (
        workspace_id, page_id, version, at, base_version, actor, kind, ops, undo, touched, content_hash
    )
    values (
        p_workspace_id, p_page_id, delete_page.version, v_now, v_page.version, p_actor, 'delete', '[]',
        '{"blocks": {}}', '[]', v_page.content_hash
    );
    perform core.enqueue_blocks(p_workspace_id, p_page_id, '{}', 0 || v_page.block_order, 100::smallint);
    status := 204;
    page_id := p_page_id;
    blocks := 0;
    replayed := false;
    return next;
end;
$$;

comment on function core.delete_page(uuid, uuid, uuid, text[]) is
'Deletes a page, as a version. PT428 precondition_required; PT412 version_mismatch; PT404 workspace_not_found,
page_not_found; PT403 role_required.';
revoke all on function core.delete_page(uuid, uuid, uuid, text[]) from public;

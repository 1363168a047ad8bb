-- core.restore_page: a new version of a page with the content of an older one (core.page_at), by a diff by block id, as
-- if it had been put: blocks that are there keep their numbers, ones that come back get new ones, history stays as it
-- is. Of a deleted page it undoes the deletion as well, and all of it is indexed again. A live page that has this
-- content already stays at its version. If-Match is optional here: nothing is overwritten that history does not keep.
-- Audited.
-- PT404 workspace_not_found, page_not_found, version_not_found; PT403 role_required; PT410 version_purged;
-- PT412 version_mismatch; XX001 history_damaged; and of old content that no page may have any more PT413, PT422.
create or replace function core.restore_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_version bigint,
    p_return text
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
    v_state record;
    v_draft record;
    v_changes record;
    v_version bigint;
    v_applied jsonb := '[]';
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    v_page := core.lock_page(p_workspace_id, p_page_id, true);
    if p_if_match is not null then
        perform core.check_precondition(p_if_match, v_page.version);
    end if;
    select states.* into v_state from core.page_at(p_workspace_id, p_page_id, p_version) as states;
    v_draft := core.make_draft(
        v_page, 'put', v_state.head || jsonb_build_object('blocks', to_jsonb(v_state.blocks)), '{}', '{}', null
    );
    v_changes := core.reduce_draft(
        v_page, v_draft.block_order, v_draft.touched, v_draft.nos, v_draft.olds, v_draft.blocks
    );
    perform core.check_draft(
        v_page, v_draft.head, v_draft.block_order, v_changes.nos, v_changes.olds, v_changes.blocks
    );
    v_version := core.write_version(
        v_page, p_actor, 'restore', v_page.version, v_draft.head, v_draft.block_order, v_draft.next_block_no,
        v_changes.order_changed, v_changes.nos, v_changes.olds, v_changes.blocks, v_draft.ops, v_draft.touched,
        100::smallint
    );
    if v_version <> v_page.version then
        v_applied := to_jsonb(v_draft.ops);
        insert into core.page_snapshots_due (workspace_id, page_id, version)
        values (p_workspace_id, p_page_id, v_version)
        on conflict do nothing;
        if v_page.deleted_at is not null then
            perform core.enqueue_blocks(
                p_workspace_id, p_page_id, 0 || v_draft.block_order, '{}', 100::smallint
            );
        end if;
        perform core.write_audit(
            'pages.restore', p_workspace_id, jsonb_build_object(
                'page_id', p_page_id, 'restored_version', p_version, 'version', v_version,
                'undeleted', v_page.deleted_at is not null
            ), p_actor, null
        );
    end if;
    return row(
        200, p_page_id, v_version, cardinality(v_draft.block_order), false,
        '{"version": ' || v_version || ', "rebased": false, "base_version": ' || v_page.version
        || case when p_return = 'minimal' then ''
            else ', "server_patch": [], "applied_patch": ' || v_applied::text
        end
        || case when p_return = 'representation' then
            ', "document": ' || core.state_document(p_page_id, v_version, v_state.head, v_state.blocks) else ''
        end || '}'
    )::core.write_answer;
end;
$$;

comment on function core.restore_page(uuid, uuid, uuid, text[], bigint, text) is
'A new version of a page with the content of an older one; undoes a deletion, too.';
revoke all on function core.restore_page(uuid, uuid, uuid, text[], bigint, text) from public;

-- core.save_page: the way of every change of a page: parse, lock, check the version, make a draft, write it. p_kind:
-- patch (RFC 6902), merge (RFC 7396) or put (a whole document); the latter two become a draft and operations by a diff
-- by block id. A change of an earlier version is rebased (core.rebase) where it was given as p_base_version, never
-- where it was given as If-Match. Everything that needs no lock comes before it. Answers 200 with the version, the
-- number of blocks, and as body {"version", "rebased", "base_version", "server_patch", "applied_patch"}, with
-- "document" for p_return representation, without the patches for minimal. A change that changes nothing makes no new
-- version. Or 409 version_conflict, 409 base_too_old, 412 version_mismatch with {"code", "detail", "current_version",
-- "base_version", "server_patch", "conflicts", "rebased_patch"}: an answer, not an error, since it carries content,
-- which is never to stand in a log. Raises what core.check_member, core.parse_body, jsonpatch.check_patch,
-- core.lock_page, core.stale_base, core.make_draft and core.check_draft raise; PT422 document_not_object, id_mismatch.
create or replace function core.save_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_body text,
    p_kind text,
    p_priority smallint,
    p_return text
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := core.page_limits();
    v_page core.pages;
    v_change jsonb;
    v_base bigint;
    v_stale bigint;
    v_version bigint;
    v_old bigint;
    v_draft record;
    v_changes record;
    v_server_patch jsonb := '[]';
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    -- a patch is an array around operations around values
    v_change := core.parse_body(p_body, v_limits.max_depth + case when p_kind = 'patch' then 2 else 0 end);
    if p_kind = 'patch' then
        perform jsonpatch.check_patch(v_change, v_limits.max_operations);
    elsif p_kind = 'put' then
        v_change := core.check_put(v_change, p_page_id);
    end if;
    v_page := core.lock_page(p_workspace_id, p_page_id);
    v_stale := core.stale_base(p_if_match, p_base_version, v_page.version);
    v_old := v_page.version;
    v_base := coalesce(v_stale, v_old);
    if v_stale is null then
        v_draft := core.make_draft(v_page, p_kind, v_change, '{}', '{}', null);
    else
        v_draft := core.rebase(v_page, v_stale, p_kind, v_change);
        if p_if_match is not null or v_draft.outcome <> 'clean' then
            v_changes := core.refuse_save(
                v_page.version, p_if_match is not null, v_stale, v_draft.outcome, v_draft.conflicts,
                v_draft.server_patch, v_draft.rebased_patch
            );
            return row(v_changes.status, p_page_id, v_page.version, null, false, v_changes.body)::core.write_answer;
        end if;
        v_server_patch := v_draft.server_patch;
    end if;
    v_changes := core.reduce_draft(
        v_page, v_draft.block_order, v_draft.touched, v_draft.nos, v_draft.olds, v_draft.blocks
    );
    perform core.check_draft(
        v_page, v_draft.head, v_draft.block_order, v_changes.nos, v_changes.olds, v_changes.blocks
    );
    v_version := core.write_version(
        v_page, p_actor, p_kind, v_base, v_draft.head, v_draft.block_order, v_draft.next_block_no,
        v_changes.order_changed, v_changes.nos, v_changes.olds, v_changes.blocks, v_draft.ops, v_draft.touched,
        p_priority
    );
    if p_return = 'representation' then
        select pages.* into strict v_page
        from core.pages
        where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
    end if;
    return row(
        200, p_page_id, v_version, cardinality(v_draft.block_order), false,
        '{"version": ' || v_version || ', "rebased": ' || (v_stale is not null)::text || ', "base_version": ' || v_base
        || case
            when p_return = 'minimal' then ''
            else ', "server_patch": ' || v_server_patch::text || ', "applied_patch": ' || case
                when v_version = v_old then '[]'
                else to_jsonb(v_draft.ops)::text
            end
        end
        || case when p_return = 'representation' then ', "document": ' || core.page_document(v_page) else '' end || '}'
    )::core.write_answer;
end;
$$;

comment on function core.save_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, text) is
'Saves a patch, a merge patch or a whole document: the one way of every change of a page.';
revoke all on function core.save_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, text) from public;

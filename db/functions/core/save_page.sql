-- core.save_page: the way of every change of a page: parse, lock, check the version, make a draft, write it.
-- p_kind: patch (RFC 6902), merge (RFC 7396) or put (a whole document); the latter two become a draft and operations
-- by a diff by block id. Everything that needs no lock comes before it.
-- Answers the version, the number of blocks, and as body {"version", "rebased", "base_version", "server_patch",
-- "applied_patch"}, with "document" when asked for. A change that changes nothing makes no new version.
-- Raises what core.check_member, core.parse_body, jsonpatch.check_patch, core.lock_page, core.check_precondition,
-- core.replace_document, core.apply_operations and core.check_draft raise; PT422 document_not_object, id_mismatch.
create or replace function core.save_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_body text,
    p_kind text,
    p_priority smallint,
    p_return_document boolean
)
returns table (version bigint, blocks integer, body text)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_limits constant record := (select limits from core.page_limits() as limits);
    v_page core.pages;
    v_body jsonb;
    v_base bigint;
    v_head jsonb;
    v_draft record;
    v_applied jsonb := '[]';
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    if p_kind = 'patch' then
        -- an array around operations around values
        v_body := core.parse_body(p_body, v_limits.max_depth + 2);
        perform jsonpatch.check_patch(v_body, v_limits.max_operations);
    else
        v_body := core.parse_body(p_body, v_limits.max_depth);
        if p_kind = 'put' then
            v_body := core.check_put(v_body, p_page_id);
        end if;
    end if;
    v_page := core.lock_page(p_workspace_id, p_page_id);
    perform core.check_precondition(p_if_match, p_base_version, v_page.version);
    v_base := case when p_if_match is null then p_base_version else v_page.version end;
    if p_kind <> 'patch' then
        v_head := jsonb_build_object('title', v_page.title, 'properties', v_page.properties);
        if p_kind = 'merge' then
            v_body := core.merge_page(v_head, v_body);
        end if;
        select drafts.*, drafts.operations as ops into v_draft
        from core.replace_document(
            v_page, v_body, v_head, v_page.block_order, v_page.next_block_no, '{}', '{}', '{}'
        ) as drafts;
    else
        select drafts.* into v_draft from core.apply_operations(v_page, v_body) as drafts;
    end if;
    perform core.check_draft(v_page, v_draft.head, v_draft.block_order, v_draft.nos, v_draft.olds, v_draft.blocks);
    version := core.write_version(
        v_page, p_actor, p_kind, v_base, v_draft.head, v_draft.block_order, v_draft.next_block_no, v_draft.nos,
        v_draft.olds, v_draft.blocks, v_draft.ops, p_priority
    );
    if version <> v_page.version then
        v_applied := to_jsonb(v_draft.ops);
    end if;
    blocks := cardinality(v_draft.block_order);
    body := '{"version": ' || version || ', "rebased": false, "base_version": ' || v_base
        || ', "server_patch": [], "applied_patch": ' || v_applied;
    if p_return_document then
        select pages.* into strict v_page
        from core.pages
        where pages.workspace_id = p_workspace_id and pages.id = p_page_id;
        body := body || ', "document": ' || core.page_document(v_page);
    end if;
    body := body || '}';
    return next;
end;
$$;

comment on function core.save_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, boolean) is
'Saves a patch, a merge patch or a whole document: the one way of every change of a page.';
revoke all on function core.save_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, boolean) from public;

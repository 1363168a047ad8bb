-- api.patch_page: saves a patch: p_kind patch (RFC 6902) or merge (RFC 7396): see core.save_page for what it answers
-- and raises. /blocks/<digits or -> is an index, any other token a block id; add or move to /blocks/<id> puts the block
-- before that one; a copy of a block gets an id of its own. With p_idempotency_key a repeated request gets the first
-- answer (core.answer_once).
create or replace function api.patch_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_patch text,
    p_kind text,
    p_priority smallint,
    p_return text default null,
    p_idempotency_key text default null
)
returns core.write_answer
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
    if p_kind is null or p_kind not in ('patch', 'merge') then
        raise exception 'p_kind is patch or merge, not %', p_kind using errcode = '22023';
    end if;
    if p_idempotency_key is not null then
        return core.answer_once(
            p_workspace_id, p_actor, p_idempotency_key, 'save_page', jsonb_build_object(
                'page_id', p_page_id, 'if_match', p_if_match, 'base_version', p_base_version, 'body', p_patch,
                'kind', p_kind, 'priority', p_priority, 'return', p_return
            )
        );
    end if;
    return core.save_page(
        p_workspace_id, p_actor, p_page_id, p_if_match, p_base_version, p_patch, p_kind, p_priority, p_return
    );
end;
$$;

comment on function api.patch_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, text, text) is
'Saves a JSON Patch or a JSON Merge Patch. Answers 200, 409, 412; PT428 precondition; PT400, PT413, PT422 content;
PT404, PT403 access.';
revoke all on function api.patch_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, text, text) from public;
grant execute on function api.patch_page(
    uuid, uuid, uuid, text[], bigint, text, text, smallint, text, text
) to quire_api;

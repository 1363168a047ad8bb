-- api.patch_page: saves a patch: p_kind patch (RFC 6902) or merge (RFC 7396). See core.save_page for what it answers
-- and raises. /blocks/<digits or -> is an index, any other token a block id; add or move to /blocks/<id> puts the block
-- before that one; a copy of a block gets an id of its own.
create or replace function api.patch_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_patch text,
    p_kind text,
    p_priority smallint,
    p_return_document boolean
)
returns table (version bigint, blocks integer, body text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    if p_kind is null or p_kind not in ('patch', 'merge') then
        raise exception 'p_kind is patch or merge, not %', p_kind using errcode = '22023';
    end if;
    return query
        select saved.version, saved.blocks, saved.body
        from core.save_page(
            p_workspace_id, p_actor, p_page_id, p_if_match, p_base_version, p_patch, p_kind, p_priority,
            p_return_document
        ) as saved;
end;
$$;

comment on function api.patch_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, boolean) is
'Saves a JSON Patch or a JSON Merge Patch. PT412, PT409, PT428 preconditions; PT400, PT413, PT422 content;
PT404, PT403 access.';
revoke all on function api.patch_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, boolean) from public;
grant execute on function api.patch_page(uuid, uuid, uuid, text[], bigint, text, text, smallint, boolean) to quire_api;

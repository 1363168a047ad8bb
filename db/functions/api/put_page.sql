-- api.put_page: saves a whole document, as a difference by block id. See core.save_page for what it answers and raises.
-- title, properties and blocks must all be there; id and version may be, as they were read.
create or replace function api.put_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_document text,
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
    return query
        select saved.version, saved.blocks, saved.body
        from core.save_page(
            p_workspace_id, p_actor, p_page_id, p_if_match, p_base_version, p_document, 'put', p_priority,
            p_return_document
        ) as saved;
end;
$$;

comment on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, boolean) is
'Saves a whole document as a difference by block id. PT412, PT409, PT428 preconditions; PT400, PT413, PT422 content;
PT404, PT403 access.';
revoke all on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, boolean) from public;
grant execute on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, boolean) to quire_api;

-- api.get_page_version: the document of a page as it was at one of its versions. The body is NULL, and was never built,
-- when that version is one of p_known_versions (If-None-Match): a version never changes. Stable: all of it is read as
-- of one moment. PT404 workspace_not_found, page_not_found (deleted pages too), version_not_found; PT410
-- version_purged.
create or replace function api.get_page_version(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_version bigint,
    p_known_versions bigint[]
)
returns table (version bigint, body text)
language plpgsql
stable
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page constant core.pages := core.read_page(p_workspace_id, p_actor, p_page_id);
begin
    version := p_version;
    if p_version between 1 and v_page.version and p_version = any(p_known_versions) then
        return next;
    else
        return query
            select p_version, core.state_document(p_page_id, p_version, states.head, states.blocks)
            from core.page_at(p_workspace_id, p_page_id, p_version) as states;
    end if;
end;
$$;

comment on function api.get_page_version(uuid, uuid, uuid, bigint, bigint[]) is
'The document of a page at one of its versions; body NULL when the caller knows it.
PT404 workspace_not_found, page_not_found, version_not_found; PT410 version_purged.';
revoke all on function api.get_page_version(uuid, uuid, uuid, bigint, bigint[]) from public;
grant execute on function api.get_page_version(uuid, uuid, uuid, bigint, bigint[]) to quire_api;

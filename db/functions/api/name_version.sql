-- api.name_version: gives a version of a page (NULL: the newest) a name, which retention then keeps. A name that is
-- there already moves to it; naming the same version again changes nothing. The body is the name as api.list_versions
-- has it; created says whether the name is new. PT404 workspace_not_found, page_not_found, version_not_found;
-- PT403 role_required; PT410 version_purged; PT422 name_invalid; XX001 history_damaged.
create or replace function api.name_version(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_name text,
    p_version bigint
)
returns table (created boolean, body text)
language plpgsql
volatile
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page core.pages;
    v_name core.page_names;
begin
    perform core.check_member(p_workspace_id, p_actor, 'editor');
    -- what cannot be written into a path would never be found again
    if (
        length(p_name) between 1 and 200 and p_name !~ '[[:cntrl:]/]|^[.]{1,2}$' and p_name = btrim(p_name)
    ) is not true then
        raise exception 'a name has 1 to 200 characters, no slash or control character, no spaces at its ends'
            using errcode = 'PT422', constraint = 'name_invalid';
    end if;
    v_page := core.lock_page(p_workspace_id, p_page_id);
    -- that it can be had, and from now on by its own snapshot
    perform core.page_at(p_workspace_id, p_page_id, coalesce(p_version, v_page.version));
    select names.* into v_name
    from core.page_names as names
    where names.workspace_id = p_workspace_id and names.page_id = p_page_id and names.name = p_name;
    created := v_name.name is null;
    if v_name.version is distinct from coalesce(p_version, v_page.version) then
        insert into core.page_names as names (workspace_id, page_id, name, version, created_at, created_by)
        values (p_workspace_id, p_page_id, p_name, coalesce(p_version, v_page.version), core.clock(), p_actor)
        on conflict (workspace_id, page_id, name) do update
        set version = excluded.version, created_at = excluded.created_at, created_by = excluded.created_by
        returning names.* into v_name;
        insert into core.page_snapshots_due (workspace_id, page_id, version)
        values (p_workspace_id, p_page_id, v_name.version)
        on conflict do nothing;
    end if;
    body := core.name_document(v_name);
    return next;
end;
$$;

comment on function api.name_version(uuid, uuid, uuid, text, bigint) is
'Names a version of a page; retention keeps it. PT404 workspace_not_found, page_not_found, version_not_found;
PT403 role_required; PT410 version_purged; PT422 name_invalid.';
revoke all on function api.name_version(uuid, uuid, uuid, text, bigint) from public;
grant execute on function api.name_version(uuid, uuid, uuid, text, bigint) to quire_api;

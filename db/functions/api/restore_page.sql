-- api.restore_page: a new version of a page with the content of an older one: see core.restore_page for what it answers
-- and raises. With p_idempotency_key a repeated request gets the first answer (core.answer_once).
create or replace function api.restore_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_version bigint,
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
    if p_idempotency_key is not null then
        return core.answer_once(
            p_workspace_id, p_actor, p_idempotency_key, 'restore_page', jsonb_build_object(
                'page_id', p_page_id, 'if_match', p_if_match, 'version', p_version, 'return', p_return
            )
        );
    end if;
    return core.restore_page(p_workspace_id, p_actor, p_page_id, p_if_match, p_version, p_return);
end;
$$;

comment on function api.restore_page(uuid, uuid, uuid, text[], bigint, text, text) is
'A new version of a page with the content of an older one; undoes a deletion, too. PT404 workspace_not_found,
page_not_found, version_not_found; PT403 role_required; PT410 version_purged; PT412 version_mismatch.';
revoke all on function api.restore_page(uuid, uuid, uuid, text[], bigint, text, text) from public;
grant execute on function api.restore_page(uuid, uuid, uuid, text[], bigint, text, text) to quire_api;

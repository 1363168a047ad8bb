-- api.delete_page: deletes a page, as a version: see core.delete_page for what it answers and raises. With
-- p_idempotency_key a repeated request gets the first answer (core.answer_once).
create or replace function api.delete_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
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
            p_workspace_id, p_actor, p_idempotency_key, 'delete_page', jsonb_build_object(
                'page_id', p_page_id, 'if_match', p_if_match
            )
        );
    end if;
    return core.delete_page(
        p_workspace_id, p_actor, p_page_id, p_if_match
    );
end;
$$;

comment on function api.delete_page(uuid, uuid, uuid, text[], text) is
'Deletes a page, as a version. PT428 precondition_required; PT412 version_mismatch; PT404 workspace_not_found,
page_not_found; PT403 role_required.';
revoke all on function api.delete_page(uuid, uuid, uuid, text[], text) from public;
grant execute on function api.delete_page(uuid, uuid, uuid, text[], text) to quire_api;

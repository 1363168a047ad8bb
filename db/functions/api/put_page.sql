-- api.put_page: saves a whole document, as a difference by block id: see core.save_page for what it answers and raises.
-- title, properties and blocks must all be there; id and version may be, as they were read. With p_idempotency_key a
-- repeated request gets the first answer (core.answer_once).
create or replace function api.put_page(
    p_workspace_id uuid,
    p_actor uuid,
    p_page_id uuid,
    p_if_match text[],
    p_base_version bigint,
    p_document text,
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
    if p_idempotency_key is not null then
        return core.answer_once(
            p_workspace_id, p_actor, p_idempotency_key, 'save_page', jsonb_build_object(
                'page_id', p_page_id, 'if_match', p_if_match, 'base_version', p_base_version, 'body', p_document,
                'kind', 'put', 'priority', p_priority, 'return', p_return
            )
        );
    end if;
    return core.save_page(
        p_workspace_id, p_actor, p_page_id, p_if_match, p_base_version, p_document, 'put', p_priority, p_return
    );
end;
$$;

comment on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, text, text) is
'Saves a whole document as a difference by block id. Answers 200, 409, 412; PT428 precondition; PT400, PT413, PT422
content; PT404, PT403 access.';
revoke all on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, text, text) from public;
grant execute on function api.put_page(uuid, uuid, uuid, text[], bigint, text, smallint, text, text) to quire_api;

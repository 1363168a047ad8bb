-- api.create_page: a new page from a document {"id", "title", "properties", "blocks"}, each of them optional: see
-- core.create_page for what it answers and raises. With p_idempotency_key a repeated request gets the first answer
-- (core.answer_once).
create or replace function api.create_page(
    p_workspace_id uuid,
    p_actor uuid,
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
            p_workspace_id, p_actor, p_idempotency_key, 'create_page', jsonb_build_object(
                'document', p_document, 'priority', p_priority, 'return', p_return
            )
        );
    end if;
    return core.create_page(
        p_workspace_id, p_actor, p_document, p_priority, p_return
    );
end;
$$;

comment on function api.create_page(uuid, uuid, text, smallint, text, text) is
'A new page from a document; answers it as stored. PT409 page_exists; PT422 of its members; PT400, PT413 of its body;
PT404 workspace_not_found; PT403 role_required.';
revoke all on function api.create_page(uuid, uuid, text, smallint, text, text) from public;
grant execute on function api.create_page(uuid, uuid, text, smallint, text, text) to quire_api;

-- api.batch_pages: patches of several pages in one request: see core.batch_pages for what it takes, answers and raises.
-- With p_idempotency_key a repeated request gets the first answer (core.answer_once).
create or replace function api.batch_pages(
    p_workspace_id uuid,
    p_actor uuid,
    p_batch text,
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
            p_workspace_id, p_actor, p_idempotency_key, 'batch_pages', jsonb_build_object(
                'batch', p_batch, 'priority', p_priority, 'return', p_return
            )
        );
    end if;
    return core.batch_pages(
        p_workspace_id, p_actor, p_batch, p_priority, p_return
    );
end;
$$;

comment on function api.batch_pages(uuid, uuid, text, smallint, text, text) is
'Saves patches of several pages, all or each for itself. PT400, PT413, PT422; PT404, PT403 access.';
revoke all on function api.batch_pages(uuid, uuid, text, smallint, text, text) from public;
grant execute on function api.batch_pages(uuid, uuid, text, smallint, text, text) to quire_api;

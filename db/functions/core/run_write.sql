-- core.run_write: a write by name, with its arguments out of JSON: what core.answer_once makes.
create or replace function core.run_write(
    p_workspace_id uuid,
    p_actor uuid,
    p_function text,
    p_request jsonb
)
returns core.write_answer
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_page_id constant uuid := p_request ->> 'page_id';
    v_priority constant smallint := p_request ->> 'priority';
    v_if_match constant text[] := case when jsonb_typeof(p_request -> 'if_match') = 'array'
        then array(select jsonb_array_elements_text(p_request -> 'if_match')) end;
begin
    case p_function
        when 'create_page' then
            return core.create_page(
                p_workspace_id, p_actor, p_request ->> 'document', v_priority, p_request ->> 'return'
            );
        when 'save_page' then
            return core.save_page(
                p_workspace_id, p_actor, v_page_id, v_if_match, (p_request ->> 'base_version')::bigint,
                p_request ->> 'body', p_request ->> 'kind', v_priority, p_request ->> 'return'
            );
        when 'delete_page' then
            return core.delete_page(p_workspace_id, p_actor, v_page_id, v_if_match);
        when 'batch_pages' then
            return core.batch_pages(
                p_workspace_id, p_actor, p_request ->> 'batch', v_priority, p_request ->> 'return'
            );
    end case;
end;
$$;

comment on function core.run_write(uuid, uuid, text, jsonb) is
'A write by name, with its arguments out of JSON.';
revoke all on function core.run_write(uuid, uuid, text, jsonb) from public;

-- core.save_item: one patch of a batch (core.batch_pages): what core.save_page answers, or why it refuses, as one
-- object with page_id and status. What is refused leaves nothing behind.
create or replace function core.save_item(
    p_workspace_id uuid,
    p_actor uuid,
    p_item jsonb,
    p_priority smallint,
    p_return text
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_kind constant text := case when p_item ? 'merge' then 'merge' else 'patch' end;
    v_saved core.write_answer;
    v_state text;
    v_slug text;
    v_detail text;
    v_message text;
begin
    v_saved := core.save_page(
        p_workspace_id, p_actor, (p_item ->> 'page_id')::uuid,
        -- weak or not, as If-Match: proxies that compress weaken ETags
        case when p_item ? 'if_match' then array[btrim(regexp_replace(p_item ->> 'if_match', '^W/', ''), '"')] end,
        (p_item ->> 'base_version')::bigint, (p_item -> v_kind)::text, v_kind, p_priority, p_return
    );
    return jsonb_build_object('page_id', p_item -> 'page_id', 'status', v_saved.status) || v_saved.body::jsonb;
exception
    when others then
        get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name,
            v_detail = pg_exception_detail, v_message = message_text;
        if v_state !~ '^PT4' then
            raise;
        end if;
        return coalesce(nullif(v_detail, '')::jsonb, '{}') || jsonb_build_object(
            'page_id', p_item -> 'page_id', 'status', substr(v_state, 3)::integer, 'code', v_slug, 'detail', v_message
        );
end;
$$;

comment on function core.save_item(uuid, uuid, jsonb, smallint, text) is
'One patch of a batch: the answer, or why it is refused, with page_id and status.';
revoke all on function core.save_item(uuid, uuid, jsonb, smallint, text) from public;

-- core.failed_test: the conflict that a test is which held at the base of a patch and does not hold on the rebased
-- document, as an array of one. p_failed is the error's detail.
create or replace function core.failed_test(
    p_page core.pages,
    p_change jsonb,
    p_failed jsonb
)
returns jsonb
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_n constant integer := (p_failed ->> 'operation')::integer;
    v_tokens constant text[] := jsonpatch.pointer_tokens(p_failed ->> 'pointer');
    v_theirs jsonb;
begin
    if v_tokens[1] = 'blocks' and cardinality(v_tokens) > 1 then
        select jsonpatch.get(
            jsonb_build_object('id', stored.id, 'type', stored.type, 'data', stored.data), v_tokens[3:]
        )
        into v_theirs
        from core.blocks as stored
        where stored.workspace_id = p_page.workspace_id and stored.page_id = p_page.id and stored.id = v_tokens[2];
    elsif v_tokens <> '{}' and v_tokens[1] <> 'blocks' then
        v_theirs := jsonpatch.get(
            jsonb_build_object('title', p_page.title, 'properties', p_page.properties), v_tokens
        );
    end if;
    return jsonb_build_array(
        jsonb_build_object(
            'operation', v_n, 'kind', 'test_failed', 'path', p_change -> v_n -> 'path',
            'pointer', p_failed -> 'pointer', 'yours', p_change -> v_n -> 'value'
        ) || case when v_theirs is null then '{}' else jsonb_build_object('theirs', v_theirs) end
    );
end;
$$;

comment on function core.failed_test(core.pages, jsonb, jsonb) is
'The conflict that a test is which does not hold on the rebased document.';
revoke all on function core.failed_test(core.pages, jsonb, jsonb) from public;

-- jsonpatch.apply_checked_operation: one operation that jsonpatch.check_operation has let pass.
-- p_index, the operation's number in its patch, goes into the detail of an error as "operation".
-- PT422 patch_path_missing, patch_index_out_of_range, patch_index_invalid, patch_root_removed, patch_test_failed,
-- patch_move_into_itself.
create or replace function jsonpatch.apply_checked_operation(
    p_document jsonb,
    p_operation jsonb,
    p_index integer
)
returns jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_op constant text := p_operation ->> 'op';
    v_context constant jsonb := jsonb_build_object('operation', p_index, 'op', v_op);
    v_path constant text[] := jsonpatch.pointer_tokens(p_operation ->> 'path');
    v_from text[];
    v_value jsonb := p_operation -> 'value';
begin
    case v_op
        when 'add' then
            return jsonpatch.add(p_document, v_path, v_value, v_context);
        when 'remove' then
            return jsonpatch.remove(p_document, v_path, v_context);
        when 'replace' then
            return jsonpatch.replace(p_document, v_path, v_value, v_context);
        when 'test' then
            if not jsonpatch.test(p_document, v_path, v_value) then
                raise exception 'operation %: the value at "%" is not the tested one', p_index, p_operation ->> 'path'
                    using errcode = 'PT422', constraint = 'patch_test_failed',
                    detail = (v_context || jsonb_build_object('pointer', p_operation -> 'path'))::text;
            end if;
            return p_document;
        else
            v_from := jsonpatch.pointer_tokens(p_operation ->> 'from');
            v_value := jsonpatch.get(p_document, v_from);
            if v_value is null then
                perform jsonpatch.raise_missing(p_document, v_from, v_context);
            elsif v_op = 'copy' then
                return jsonpatch.add(p_document, v_path, v_value, v_context);
            elsif v_from = v_path then
                return p_document;
            elsif v_path[1:cardinality(v_from)] = v_from then
                raise exception 'operation %: a value cannot be moved into itself', p_index
                    using errcode = 'PT422', constraint = 'patch_move_into_itself', detail = (
                        v_context || jsonb_build_object('pointer', p_operation -> 'path', 'from', p_operation -> 'from')
                    )::text;
            end if;
            return jsonpatch.add(jsonpatch.remove(p_document, v_from, v_context), v_path, v_value, v_context);
    end case;
end;
$$;

comment on function jsonpatch.apply_checked_operation(jsonb, jsonb, integer) is
'One operation that check_operation let pass. PT422 patch_* with the operation, op and pointer in the detail.';
revoke all on function jsonpatch.apply_checked_operation(jsonb, jsonb, integer) from public;
grant execute on function jsonpatch.apply_checked_operation(jsonb, jsonb, integer) to public;

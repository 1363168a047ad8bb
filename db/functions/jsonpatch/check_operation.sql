-- jsonpatch.check_operation: refuses what is not an RFC 6902 operation, without looking at any document.
-- p_index, the operation's number in its patch, goes into the detail as "operation".
-- PT400 malformed_patch (the detail names the member); PT413 pointer_too_long (more than 64 tokens or 2048 bytes).
create or replace function jsonpatch.check_operation(
    p_operation jsonb,
    p_index integer default 0
)
returns void
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_op constant text := p_operation ->> 'op';
    v_member text;
    v_pointer text;
    v_reason text;
begin
    -- Most are right, and short: one look for these.
    if v_op in ('add', 'replace', 'remove', 'test') and jsonb_typeof(p_operation -> 'op') = 'string'
        and (v_op = 'remove' or p_operation ? 'value') and jsonb_typeof(p_operation -> 'path') = 'string'
        and left(p_operation ->> 'path', 1) = '/' and length(p_operation ->> 'path') <= 64
        and position('~' in p_operation ->> 'path') = 0 then
        return;
    elsif jsonb_typeof(p_operation) <> 'object' then
        v_reason := 'it is not an object';
    elsif jsonb_typeof(p_operation -> 'op') is distinct from 'string'
        or v_op not in ('add', 'remove', 'replace', 'move', 'copy', 'test') then
        v_member := 'op';
        v_reason := '"op" must be add, remove, replace, move, copy or test';
    elsif v_op in ('add', 'replace', 'test') and not p_operation ? 'value' then
        v_member := 'value';
        v_reason := format('"%s" needs a "value"', v_op);
    else
        foreach v_member in array array['path', 'from'] loop
            continue when v_member = 'from' and v_op not in ('move', 'copy');
            v_pointer := p_operation ->> v_member;
            if jsonb_typeof(p_operation -> v_member) is distinct from 'string' then
                v_reason := format('"%s" needs "%s", a JSON Pointer in a string', v_op, v_member);
            elsif octet_length(v_pointer) > 2048 or length(v_pointer) - length(replace(v_pointer, '/', '')) > 64 then
                raise exception 'operation %: "%" is longer than 64 tokens or 2048 bytes', p_index, v_member
                    using errcode = 'PT413', constraint = 'pointer_too_long',
                    detail = jsonb_build_object('operation', p_index, 'member', v_member)::text;
            elsif v_pointer <> '' and (left(v_pointer, 1) <> '/' or v_pointer ~ '~([^01]|$)') then
                v_reason := format('"%s" is not a JSON Pointer: it starts with "/", and "~" is written "~0"', v_member);
            end if;
            exit when v_reason is not null;
        end loop;
    end if;
    if v_reason is not null then
        raise exception 'operation % is not a JSON Patch operation: %', p_index, v_reason
            using errcode = 'PT400', constraint = 'malformed_patch',
            detail = jsonb_build_object('operation', p_index, 'member', v_member)::text;
    end if;
end;
$$;

comment on function jsonpatch.check_operation(jsonb, integer) is
'Refuses what is not an RFC 6902 operation. PT400 malformed_patch; PT413 pointer_too_long.';
revoke all on function jsonpatch.check_operation(jsonb, integer) from public;
grant execute on function jsonpatch.check_operation(jsonb, integer) to public;

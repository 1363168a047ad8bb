-- jsonpatch.merge: RFC 7396 JSON Merge Patch: null removes a member, an object merges, anything else replaces.
-- Recursive: bound the depth of a stranger's patch with jsonpatch.check_document first.
create or replace function jsonpatch.merge(
    p_target jsonb,
    p_patch jsonb
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
    v_target jsonb := p_target;
    v_removed text[];
    v_set jsonb;
begin
    if jsonb_typeof(p_patch) <> 'object' then
        return p_patch;
    end if;
    if jsonb_typeof(v_target) <> 'object' then
        v_target := '{}';
    end if;
    select
        array_agg(members.key) filter (where members.value = 'null'),
        jsonb_object_agg(
            members.key,
            case jsonb_typeof(members.value)
                -- an absent target still has the nulls of the patch taken out, as RFC 7396 section 2 has it
                when 'object' then jsonpatch.merge(coalesce(v_target -> members.key, 'null'), members.value)
                else members.value
            end
        ) filter (where members.value <> 'null')
    into v_removed, v_set
    from jsonb_each(p_patch) as members;
    return (v_target - coalesce(v_removed, '{}')) || coalesce(v_set, '{}');
end;
$$;

comment on function jsonpatch.merge(jsonb, jsonb) is
'The target after an RFC 7396 JSON Merge Patch.';
revoke all on function jsonpatch.merge(jsonb, jsonb) from public;
grant execute on function jsonpatch.merge(jsonb, jsonb) to public;

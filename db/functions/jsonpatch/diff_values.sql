-- jsonpatch.diff_values: the operations, in order, that turn one value into another; for jsonpatch.diff.
-- Below the root, one replace where it is shorter than the operations inside. p_pointer is where the values are.
-- No pointer is longer than jsonpatch.check_operation lets pass (64 tokens, 2048 bytes): what is deeper, or has too
-- long a name, is replaced from above. Recursive: bound the depth of a stranger's document with check_document.
create or replace function jsonpatch.diff_values(
    p_from jsonb,
    p_to jsonb,
    p_pointer text
)
returns setof jsonb
language plpgsql
immutable
strict
parallel safe
security invoker
rows 10
set search_path = pg_catalog, pg_temp
as $$
declare
    v_kind constant text := jsonb_typeof(p_from);
    v_replace jsonb;
    v_operations jsonb[];
begin
    if p_from = p_to then
        return;
    end if;
    v_replace := jsonb_build_object('op', 'replace', 'path', p_pointer, 'value', p_to);
    if v_kind <> jsonb_typeof(p_to) or v_kind not in ('object', 'array') then
        return next v_replace;
        return;
    elsif v_kind = 'object' then
        v_operations := array(select jsonpatch.diff_objects(p_from, p_to, p_pointer));
    else
        v_operations := array(select jsonpatch.diff_arrays(p_from, p_to, p_pointer));
    end if;
    -- at the root a patch by members is kept even where it is longer: it can be merged with the changes of others
    if p_pointer <> '' and pg_column_size(v_operations) > pg_column_size(v_replace)
        or exists (
            select 1
            from unnest(v_operations) as operations (operation)
            cross join lateral (select operations.operation ->> 'path' as path) as pointers
            where
                octet_length(pointers.path) > 64  -- 64 tokens have at least 64 slashes
                and (
                    octet_length(pointers.path) > 2048
                    or length(pointers.path) - length(replace(pointers.path, '/', '')) > 64
                )
        ) then
        return next v_replace;
    else
        return query select unnest(v_operations);
    end if;
end;
$$;

comment on function jsonpatch.diff_values(jsonb, jsonb, text) is
'The operations that turn one value into another, at a pointer; for jsonpatch.diff.';
revoke all on function jsonpatch.diff_values(jsonb, jsonb, text) from public;
grant execute on function jsonpatch.diff_values(jsonb, jsonb, text) to public;

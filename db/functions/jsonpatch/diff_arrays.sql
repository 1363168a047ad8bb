-- jsonpatch.diff_arrays: the operations, in order, that turn one array into another; for jsonpatch.diff.
-- What both have at the start and at the end stays; between them elements are paired from the left, the rest removed
-- or added. Correct for every pair; the smallest where one run of elements differs. p_pointer is where the arrays are.
create or replace function jsonpatch.diff_arrays(
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
    -- arrays of values: -> on a long jsonb array would read from its start each time
    v_from constant jsonb[] := array(select jsonb_array_elements(p_from));
    v_to constant jsonb[] := array(select jsonb_array_elements(p_to));
    v_shorter constant integer := least(cardinality(v_from), cardinality(v_to));
    v_head integer := 0;
    v_tail integer := 0;
    v_paired integer;
begin
    while v_head < v_shorter and v_from[v_head + 1] = v_to[v_head + 1] loop
        v_head := v_head + 1;
    end loop;
    while v_tail < v_shorter - v_head
        and v_from[cardinality(v_from) - v_tail] = v_to[cardinality(v_to) - v_tail] loop
        v_tail := v_tail + 1;
    end loop;
    v_paired := v_shorter - v_tail;
    for i in v_head + 1..v_paired loop
        return query select jsonpatch.diff_values(v_from[i], v_to[i], p_pointer || '/' || (i - 1));
    end loop;
    for i in v_paired + 1..cardinality(v_from) - v_tail loop
        -- each removal moves the next one to the same index
        return next jsonb_build_object('op', 'remove', 'path', p_pointer || '/' || v_paired);
    end loop;
    for i in v_paired + 1..cardinality(v_to) - v_tail loop
        return next jsonb_build_object('op', 'add', 'path', p_pointer || '/' || (i - 1), 'value', v_to[i]);
    end loop;
end;
$$;

comment on function jsonpatch.diff_arrays(jsonb, jsonb, text) is
'The operations that turn one array into another, at a pointer; for jsonpatch.diff.';
revoke all on function jsonpatch.diff_arrays(jsonb, jsonb, text) from public;
grant execute on function jsonpatch.diff_arrays(jsonb, jsonb, text) to public;

-- jsonpatch.apply: a whole patch, all or nothing. The public conformance cases are in test_conformance.py.
begin;
select plan(18);

-- The SQLSTATE, the slug and the detail of the error that a statement raises; NULL where it raises none.
create function pg_temp.error_of(p_sql text)
returns text
language plpgsql
as $$
declare
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return null;
exception when others then
    get stacked diagnostics v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', sqlstate, nullif(v_slug, ''), nullif(v_detail, ''));
end;
$$;

select is(
    jsonpatch.apply('{"a": [1]}', '[{"op": "add", "path": "/a/-", "value": 2}, {"op": "remove", "path": "/a/0"}]'),
    '{"a": [2]}'::jsonb,
    'applies each operation to what the one before left'
);
select is(
    jsonpatch.apply('{"a": 1}', '[]'),
    '{"a": 1}'::jsonb,
    'changes nothing with an empty patch'
);
select is(
    jsonpatch.apply('[1, 2]', '[{"op": "test", "path": "/0", "value": 1.0}]'),
    '[1, 2]'::jsonb,
    'takes numbers as equal by value'
);
select is(
    jsonpatch.apply(null, '[]'),
    null::jsonb,
    'answers NULL for NULL'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.apply('{}', '[{"op": "remove", "path": "/a"}, {"op": "spam"}]') $sql$),
    'PT400 malformed_patch {"member": "op", "operation": 1}',
    'refuses a malformed operation before it applies an earlier one'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.apply('{}', '[{}, {}]', 1) $sql$),
    'PT413 too_many_operations {"limit": 1, "operations": 2}',
    'refuses too many operations'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.apply('{}', jsonb_build_array(jsonb_build_object('op', 'remove', 'path', repeat('/', 65))))
    $sql$),
    'PT413 pointer_too_long {"member": "path", "operation": 0}',
    'refuses a long pointer'
);
select
    is(
        pg_temp.error_of(format('select jsonpatch.apply(%L, %L)', document, patch)),
        expected,
        description
    )
from (
    values
    (
        '{"a": 1}', '[{"op": "test", "path": "/a", "value": 1}, {"op": "add", "path": "/b/c", "value": 1}]',
        'PT422 patch_path_missing {"op": "add", "pointer": "/b/c", "failed_at": "/b", "operation": 1}',
        'names the operation that does not apply'
    ),
    (
        '[1]', '[{"op": "add", "path": "/2", "value": 1}]',
        'PT422 patch_index_out_of_range {"op": "add", "pointer": "/2", "failed_at": "/2", "operation": 0}',
        'refuses an index past the end'
    ),
    (
        '[1]', '[{"op": "replace", "path": "/01", "value": 1}]',
        'PT422 patch_index_invalid {"op": "replace", "pointer": "/01", "failed_at": "/01", "operation": 0}',
        'refuses a bad index'
    ),
    (
        '[1]', '[{"op": "remove", "path": ""}]',
        'PT422 patch_root_removed {"op": "remove", "pointer": "", "operation": 0}',
        'refuses to remove the document'
    ),
    (
        '{"a": true}', '[{"op": "test", "path": "/a", "value": 1}]',
        'PT422 patch_test_failed {"op": "test", "pointer": "/a", "operation": 0}',
        'does not take true for 1'
    ),
    (
        '{"a": "bar"}', '[{"op": "test", "path": "/a/0", "value": "b"}]',
        'PT422 patch_test_failed {"op": "test", "pointer": "/a/0", "operation": 0}',
        'does not index into a string'
    ),
    (
        '{}', '[{"op": "test", "path": "/a", "value": null}]',
        'PT422 patch_test_failed {"op": "test", "pointer": "/a", "operation": 0}',
        'does not take nothing for null'
    ),
    (
        '{"a": {}}', '[{"op": "move", "from": "/a", "path": "/a/b"}]',
        'PT422 patch_move_into_itself {"op": "move", "from": "/a", "pointer": "/a/b", "operation": 0}',
        'refuses to move a value into itself'
    ),
    (
        '{"a": {}}', '[{"op": "copy", "from": "/b", "path": "/c"}]',
        'PT422 patch_path_missing {"op": "copy", "pointer": "/b", "failed_at": "/b", "operation": 0}',
        'names the source of a copy that is not there'
    )
) as cases (document, patch, expected, description);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.apply(
            '{"a": "xxxxxxxxxxxxxxx"}',
            jsonb_agg(jsonb_build_object('op', 'copy', 'from', '', 'path', '/' || n))
        )
        from generate_series(1, 40) as n
    $sql$),
    'PT413 copy_too_large {"op": "copy", "limit": 1048576, "pointer": "/15", "operation": 14}',
    'stops a chain of copies that doubles the document'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.apply('{"a": "12345678"}', '[{"op": "copy", "from": "/a", "path": "/b"}]', 1000, 8)
    $sql$),
    'PT413 copy_too_large {"op": "copy", "limit": 8, "pointer": "/b", "operation": 0}',
    'takes the limit on copied bytes as a parameter'
);

select * from finish();
rollback;

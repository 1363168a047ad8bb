-- jsonpatch.check_operation: the shape of an RFC 6902 operation.
begin;
select plan(27);

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

select
    is(
        pg_temp.error_of(format('select jsonpatch.check_operation(%L)', operation)),
        null,
        'takes ' || operation
    )
from unnest(array[
    '{"op": "add", "path": "", "value": null}',
    '{"op": "remove", "path": "/a~0b~1c", "unknown": [1]}',
    '{"op": "replace", "path": "/a/-", "value": {}}',
    '{"op": "move", "path": "/a", "from": "/b"}',
    '{"op": "copy", "path": "/a", "from": ""}',
    '{"op": "test", "path": "/ ", "value": false}'
]) as operations (operation);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('[]', 0) $sql$),
    'PT400 malformed_patch {"member": null, "operation": 0}',
    'refuses an operation that is not an object'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('"add"', 0) $sql$),
    'PT400 malformed_patch {"member": null, "operation": 0}',
    'refuses a string'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "op", "operation": 0}',
    'refuses a missing op'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": 1, "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "op", "operation": 0}',
    'refuses an op that is not a string'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "spam", "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "op", "operation": 0}',
    'refuses an unknown op'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "Add", "path": "/a", "value": 1}', 0) $sql$),
    'PT400 malformed_patch {"member": "op", "operation": 0}',
    'refuses another case'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "remove"}', 0) $sql$),
    'PT400 malformed_patch {"member": "path", "operation": 0}',
    'refuses a missing path'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "remove", "path": null}', 0) $sql$),
    'PT400 malformed_patch {"member": "path", "operation": 0}',
    'refuses a null path'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "remove", "path": "a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "path", "operation": 0}',
    'refuses a path without a slash'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "remove", "path": "/~2"}', 0) $sql$),
    'PT400 malformed_patch {"member": "path", "operation": 0}',
    'refuses a path with an unknown escape'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "add", "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "value", "operation": 0}',
    'refuses an add without value'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "replace", "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "value", "operation": 0}',
    'refuses a replace without value'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "test", "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "value", "operation": 0}',
    'refuses a test without value'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "move", "path": "/a"}', 0) $sql$),
    'PT400 malformed_patch {"member": "from", "operation": 0}',
    'refuses a move without from'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "copy", "path": "/a", "from": 1}', 0) $sql$),
    'PT400 malformed_patch {"member": "from", "operation": 0}',
    'refuses a from that is not a string'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_operation('{"op": "copy", "path": "/a", "from": "b"}', 0) $sql$),
    'PT400 malformed_patch {"member": "from", "operation": 0}',
    'refuses a from that is not a pointer'
);
select
    is(
        pg_temp.error_of(
            format('select jsonpatch.check_operation(%L, 7)', jsonb_build_object('op', 'remove', 'path', path))
        ),
        expected,
        description
    )
from (
    values
    (repeat('/a', 64), null, 'takes 64 tokens'),
    (repeat('/a', 65), 'PT413 pointer_too_long {"member": "path", "operation": 7}', 'refuses 65 tokens'),
    ('/' || repeat('a', 2047), null, 'takes 2048 bytes'),
    ('/' || repeat('a', 2048), 'PT413 pointer_too_long {"member": "path", "operation": 7}', 'refuses 2049 bytes'),
    ('/' || repeat('é', 1024), 'PT413 pointer_too_long {"member": "path", "operation": 7}', 'counts bytes')
) as cases (path, expected, description);

select * from finish();
rollback;

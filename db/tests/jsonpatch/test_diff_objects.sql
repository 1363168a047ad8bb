-- jsonpatch.diff_objects: the operations by member name.
begin;
select plan(1);

select results_eq(
    $sql$ select jsonpatch.diff_objects('{"a": 1, "b": 1, "c": 1}', '{"b": 1, "c": 2, "d": 1}', '/o') $sql$,
    array[
        '{"op": "remove", "path": "/o/a"}',
        '{"op": "replace", "path": "/o/c", "value": 2}',
        '{"op": "add", "path": "/o/d", "value": 1}'
    ]::jsonb[],
    'names each member that differs, below the pointer'
);

select * from finish();
rollback;

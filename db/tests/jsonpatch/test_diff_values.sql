-- jsonpatch.diff_values: the operations at a pointer.
begin;
select plan(3);

select is_empty(
    $sql$ select jsonpatch.diff_values('[1]', '[1]', '/a') $sql$,
    'has nothing to say of equal values'
);
select results_eq(
    $sql$ select jsonpatch.diff_values('1', '"1"', '/a') $sql$,
    array['{"op": "replace", "path": "/a", "value": "1"}'::jsonb],
    'replaces a scalar at the pointer'
);
select results_eq(
    $sql$ select jsonpatch.diff_values('[1]', '{}', '/a') $sql$,
    array['{"op": "replace", "path": "/a", "value": {}}'::jsonb],
    'replaces a container of another kind'
);

select * from finish();
rollback;

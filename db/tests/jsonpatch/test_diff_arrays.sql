-- jsonpatch.diff_arrays: the operations by index, in an order that can be applied.
begin;
select plan(2);

select results_eq(
    $sql$ select jsonpatch.diff_arrays('[0, 1, 2, 3, 9]', '[0, 5, 9]', '/l') $sql$,
    array[
        '{"op": "replace", "path": "/l/1", "value": 5}',
        '{"op": "remove", "path": "/l/2"}',
        '{"op": "remove", "path": "/l/2"}'
    ]::jsonb[],
    'leaves both ends, pairs, then removes'
);
select results_eq(
    $sql$ select jsonpatch.diff_arrays('[]', '[1, 2]', '/l') $sql$,
    array['{"op": "add", "path": "/l/0", "value": 1}', '{"op": "add", "path": "/l/1", "value": 2}']::jsonb[],
    'adds in order'
);

select * from finish();
rollback;

-- jsonpatch.build_pointer: the inverse of jsonpatch.pointer_tokens.
begin;
select plan(4);

select is(
    jsonpatch.build_pointer('{}'),
    '',
    'writes no tokens as the empty pointer'
);
select is(
    jsonpatch.build_pointer(array['']),
    '/',
    'writes one empty token as a slash'
);
select is(
    jsonpatch.build_pointer(array['a/b', 'm~n', '~1', '0']),
    '/a~1b/m~0n/~01/0',
    'escapes tilde and slash'
);
select is(
    jsonpatch.pointer_tokens(jsonpatch.build_pointer(array['~1/~0', '', '-'])),
    array['~1/~0', '', '-'],
    'is undone by pointer_tokens'
);

select * from finish();
rollback;

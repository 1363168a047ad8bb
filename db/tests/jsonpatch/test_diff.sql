-- jsonpatch.diff: small patches, in this very form. The round trip on any JSON is in test_properties.py.
begin;
select plan(15);

select is(
    jsonpatch.diff('{"a": 1}', '{"a": 1.0}'),
    '[]'::jsonb,
    'finds no difference between equal numbers'
);
select is(
    jsonpatch.diff('{"a": 1, "b": 1}', '{"b": 2, "c": null}'),
    '[
        {"op": "remove", "path": "/a"},
        {"op": "replace", "path": "/b", "value": 2},
        {"op": "add", "path": "/c", "value": null}
    ]'::jsonb,
    'removes, replaces and adds members by name'
);
select is(
    jsonpatch.diff('{"a": {"x": "a long text that stays", "y": 1}}', '{"a": {"x": "a long text that stays", "y": 2}}'),
    '[{"op": "replace", "path": "/a/y", "value": 2}]'::jsonb,
    'goes into objects'
);
select is(
    jsonpatch.diff('{"a/b": 1, "m~n": 1}', '{"a/b": 2, "m~n": 2}'),
    '[
        {"op": "replace", "path": "/a~1b", "value": 2},
        {"op": "replace", "path": "/m~0n", "value": 2}
    ]'::jsonb,
    'escapes names'
);
select is(
    jsonpatch.diff('[1, 2, 3]', '[1, 9, 2, 3]'),
    '[{"op": "add", "path": "/1", "value": 9}]'::jsonb,
    'inserts one element with one operation'
);
select is(
    jsonpatch.diff('[1, 2, 3, 4]', '[1, 4]'),
    '[{"op": "remove", "path": "/1"}, {"op": "remove", "path": "/1"}]'::jsonb,
    'removes a run at one index'
);
select is(
    jsonpatch.diff('[1, 1]', '[1, 1, 1]'),
    '[{"op": "add", "path": "/2", "value": 1}]'::jsonb,
    'does not count an element for both ends'
);
select is(
    jsonpatch.diff('[1, 2, 3]', '[1, 5, 6, 3]'),
    '[{"op": "replace", "path": "/1", "value": 5}, {"op": "add", "path": "/2", "value": 6}]'::jsonb,
    'pairs elements from the left'
);
select is(
    jsonpatch.diff('[]', '{}'),
    '[{"op": "replace", "path": "", "value": {}}]'::jsonb,
    'replaces a document of another kind'
);
select is(
    jsonpatch.diff('{"a": [1, 2, 3]}', '{"a": [4, 5, 6]}'),
    '[{"op": "replace", "path": "/a", "value": [4, 5, 6]}]'::jsonb,
    'replaces a container where that is shorter'
);
select is(
    jsonpatch.diff('{"B": 1, "a": 1}', '{}'),
    '[{"op": "remove", "path": "/B"}, {"op": "remove", "path": "/a"}]'::jsonb,
    'orders names by their bytes'
);
select
    is(
        jsonpatch.diff(given.old, given.new),
        jsonb_build_array(jsonb_build_object('op', 'replace', 'path', given.path, 'value', given.value)),
        given.description
    )
from (
    values
    (
        jsonb_build_object(repeat('n', 2047), 1), jsonb_build_object(repeat('n', 2047), 2),
        '/' || repeat('n', 2047), '2'::jsonb, 'names a member whose pointer is just short enough'
    ),
    (
        jsonb_build_object(repeat('n', 2048), 1), jsonb_build_object(repeat('n', 2048), 2),
        '', jsonb_build_object(repeat('n', 2048), 2), 'replaces from above where a name is too long for a pointer'
    ),
    (
        format('%s["%s", 1]%s', repeat('[', 63), repeat('same', 100), repeat(']', 63))::jsonb,
        format('%s["%s", 2]%s', repeat('[', 63), repeat('same', 100), repeat(']', 63))::jsonb,
        repeat('/0', 63) || '/1', '2', 'goes 64 levels deep'
    ),
    (
        (repeat('["' || repeat('same', 100) || '", ', 65) || 1 || repeat(']', 65))::jsonb,
        (repeat('["' || repeat('same', 100) || '", ', 65) || 2 || repeat(']', 65))::jsonb,
        repeat('/1', 64), jsonb_build_array(repeat('same', 100), 2), 'and replaces from there what is deeper'
    )
) as given (old, new, path, value, description);

select * from finish();
rollback;

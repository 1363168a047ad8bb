-- jsonpatch.get: what jsonb's own #> gets wrong is refused here.
begin;
select plan(29);

select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{}'
    ),
    '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}'::jsonb,
    'finds the whole document with no tokens'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,0}'
    ),
    '"bar"'::jsonb,
    'finds an array element'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['']
    ),
    '0'::jsonb,
    'finds the member with the empty name'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['a/b']
    ),
    '1'::jsonb,
    'finds a member with a slash in its name'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['01']
    ),
    '2'::jsonb,
    'finds an object member that looks like a bad index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['-1']
    ),
    '3'::jsonb,
    'finds an object member that looks like a negative index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array[' 1']
    ),
    '4'::jsonb,
    'finds an object member that begins with a blank'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{o,01,0}'
    ),
    '7'::jsonb,
    'goes through such a member'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{n}'
    ),
    'null'::jsonb,
    'tells a JSON null'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{nothing}'
    ),
    null::jsonb,
    'from nothing'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{nothing,01}'
    ),
    null::jsonb,
    'finds nothing below nothing'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{n,x}'
    ),
    null::jsonb,
    'finds nothing below a scalar'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{n,-x}'
    ),
    null::jsonb,
    'finds nothing below a scalar on the walk'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,01}'
    ),
    null::jsonb,
    'refuses an index with a leading zero'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,00}'
    ),
    null::jsonb,
    'refuses a double zero'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,-1}'
    ),
    null::jsonb,
    'refuses a negative index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,-0}'
    ),
    null::jsonb,
    'refuses a negative zero'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,+1}'
    ),
    null::jsonb,
    'refuses a sign'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['foo', ' 1']
    ),
    null::jsonb,
    'refuses a blank before an index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['foo', E'\t1']
    ),
    null::jsonb,
    'refuses a tab before an index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        array['foo', E'\v1']
    ),
    null::jsonb,
    'refuses a vertical tab before an index'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,-}'
    ),
    null::jsonb,
    'finds no element after the last'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,1e0}'
    ),
    null::jsonb,
    'refuses an exponent'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,2}'
    ),
    null::jsonb,
    'finds nothing past the end'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,99999999999999999999}'
    ),
    null::jsonb,
    'finds nothing at an index beyond every integer'
);
select is(
    jsonpatch.get(
        '{"foo": ["bar", "baz"], "": 0, "a/b": 1, "01": 2, "-1": 3, " 1": 4, "n": null, "o": {"01": [7]}}',
        '{foo,4294967296}'
    ),
    null::jsonb,
    'does not wrap an index around'
);
select is(
    jsonpatch.get('{"01": [7]}', '{01,99999999999999999999}'),
    null::jsonb,
    'finds nothing at such an index on the walk'
);
select is(
    jsonpatch.get('"scalar"', '{0}'),
    null::jsonb,
    'finds nothing in a scalar document'
);
select is(
    jsonpatch.get(null, '{}'),
    null::jsonb,
    'answers NULL for NULL'
);

select * from finish();
rollback;

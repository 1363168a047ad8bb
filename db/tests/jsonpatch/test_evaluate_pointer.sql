-- jsonpatch.evaluate_pointer: every example of RFC 6901 section 5, and its errors of sections 3, 4 and 7.
begin;
select plan(24);

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
        jsonpatch.evaluate_pointer(examples.document, pointer),
        expected::jsonb,
        format('evaluates "%s" as RFC 6901 does', pointer)
    )
from (
    values (
        $json$
            {
                "foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "g|h": 4, "i\\j": 5, "k\"l": 6, " ": 7, "m~n": 8
            }
        $json$::jsonb
    )
) as examples (document)
cross join lateral (
    values
    ('', examples.document::text),
    ('/foo', '["bar", "baz"]'),
    ('/foo/0', '"bar"'),
    ('/', '0'),
    ('/a~1b', '1'),
    ('/c%d', '2'),
    ('/e^f', '3'),
    ('/g|h', '4'),
    ('/i\j', '5'),
    ('/k"l', '6'),
    ('/ ', '7'),
    ('/m~0n', '8')
) as cases (pointer, expected);
select
    is(
        jsonpatch.evaluate_pointer('{"foo": ["bar", "baz"], "~1": {"": {"": 1}}, "e\u0301": 1, "n": null}', pointer),
        expected::jsonb,
        description
    )
from (
    values
    ('/~01//', '1', 'replaces ~1 before ~0, and takes empty names one by one'),
    ('/n', 'null', 'tells a null'),
    ('/nothing', null, 'from nothing'),
    ('/foo/-', null, 'has nothing at the end of an array'),
    ('/foo/01', null, 'has nothing at an index with a leading zero'),
    ('/foo/2', null, 'has nothing past the end'),
    ('/foo/bar', null, 'has nothing at a name in an array'),
    ('/foo/0/0', null, 'has nothing inside a string'),
    (U&'/\00E9', null, 'compares names by code point, without normalizing them')
) as cases (pointer, expected, description);
select is(
    pg_temp.error_of($sql$ select jsonpatch.evaluate_pointer('{"foo": 1}', 'foo') $sql$),
    'PT400 invalid_pointer {"pointer": "foo"}',
    'refuses a pointer without a leading slash'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.evaluate_pointer('{"a~b": 1}', '/a~b') $sql$),
    'PT400 invalid_pointer {"pointer": "/a~b"}',
    'refuses a bare tilde'
);
select is(
    jsonpatch.evaluate_pointer('{}', null),
    null::jsonb,
    'answers NULL for NULL'
);

select * from finish();
rollback;

-- jsonpatch.merge: the example cases of RFC 7396, appendix A, and the example of its section 3.
begin;
select plan(18);

select
    is(
        jsonpatch.merge(target::jsonb, patch::jsonb),
        expected::jsonb,
        'merges ' || patch || ' into ' || target
    )
from (
    values
    ('{"a":"b"}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"b"}', '{"b":"c"}', '{"a":"b","b":"c"}'),
    ('{"a":"b"}', '{"a":null}', '{}'),
    ('{"a":"b","b":"c"}', '{"a":null}', '{"b":"c"}'),
    ('{"a":["b"]}', '{"a":"c"}', '{"a":"c"}'),
    ('{"a":"c"}', '{"a":["b"]}', '{"a":["b"]}'),
    ('{"a":{"b":"c"}}', '{"a":{"b":"d","c":null}}', '{"a":{"b":"d"}}'),
    ('{"a":[{"b":"c"}]}', '{"a":[1]}', '{"a":[1]}'),
    ('["a","b"]', '["c","d"]', '["c","d"]'),
    ('{"a":"b"}', '["c"]', '["c"]'),
    ('{"a":"foo"}', 'null', 'null'),
    ('{"a":"foo"}', '"bar"', '"bar"'),
    ('{"e":null}', '{"a":1}', '{"e":null,"a":1}'),
    ('[1,2]', '{"a":"b","c":null}', '{"a":"b"}'),
    ('{}', '{"a":{"bb":{"ccc":null}}}', '{"a":{"bb":{}}}'),
    (
        '{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"]}',
        '{"title":"Hello!","phoneNumber":"+01","author":{"familyName":null},"tags":["example"]}',
        '{"title":"Hello!","author":{"givenName":"John"},"tags":["example"],"phoneNumber":"+01"}'
    )
) as cases (target, patch, expected);
select is(
    jsonpatch.merge('{"a": {"b": {"c": 1, "d": 2}}}', '{"a": {"b": {"c": null}}}'),
    '{"a": {"b": {"d": 2}}}'::jsonb,
    'removes far below and leaves the rest'
);
select is(
    jsonpatch.merge('{"a": 1}', '{}'),
    '{"a": 1}'::jsonb,
    'changes nothing with an empty object'
);

select * from finish();
rollback;

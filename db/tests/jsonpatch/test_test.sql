-- jsonpatch.test: RFC 6902 section 4.6, equality by type.
begin;
select plan(20);

select
    is(
        jsonpatch.test(document::jsonb, tokens::text[], value::jsonb),
        expected,
        description
    )
from (
    values
    ('{"a": {"b": [1, 2]}}', '{a,b,1}', '2', true, 'takes the value that is there'),
    ('{"a": {"b": [1, 2]}}', '{}', '{"a": {"b": [1, 2]}}', true, 'takes the whole document'),
    ('{"a": 1}', '{a}', '2', false, 'refuses another number'),
    ('{"a": "\u0061b"}', '{a}', '"ab"', true, 'compares strings by character, not as written'),
    ('{"a": "10"}', '{a}', '10', false, 'does not take a string for a number'),
    ('{"a": 1}', '{a}', '1.0', true, 'compares numbers by value'),
    ('{"a": 100}', '{a}', '1e2', true, 'compares numbers by value, however written'),
    ('{"a": true}', '{a}', '1', false, 'does not take 1 for true'),
    ('{"a": false}', '{a}', '0', false, 'does not take 0 for false'),
    ('{"a": [1, 2]}', '{a}', '[1, 2]', true, 'compares arrays element by element'),
    ('{"a": [1, 2]}', '{a}', '[2, 1]', false, 'minds the order of elements'),
    ('{"a": [1, 2]}', '{a}', '[1]', false, 'minds the length of arrays'),
    ('{"a": {"b": 1, "c": 2}}', '{a}', '{"c": 2, "b": 1}', true, 'does not mind the order of members'),
    ('{"a": {"b": 1}}', '{a}', '{"b": 1, "c": 2}', false, 'minds the number of members'),
    ('{"a": null}', '{a}', 'null', true, 'takes a null that is there'),
    ('{"a": null}', '{b}', 'null', false, 'does not take nothing for null'),
    ('{"a": null}', '{a}', 'false', false, 'does not take null for false'),
    ('["x"]', '{-}', '"x"', false, 'finds nothing behind an array'),
    ('["x", "y"]', '{01}', '"y"', false, 'finds nothing at an index with a leading zero'),
    ('{"a": 1}', '{a}', null, null, 'answers NULL for NULL')
) as cases (document, tokens, value, expected, description);

select * from finish();
rollback;

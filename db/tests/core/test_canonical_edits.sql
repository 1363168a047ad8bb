begin;
select plan(3);

select is(
    core.canonical_edits('{"op": "replace", "path": "/data/t", "value": 1}', 'a', '{}', null, 3), array['{"n": 3, "op": "replace", "path": "/blocks/a/data/t", "value": 1}']::jsonb[],
    'by block id'
);
select is(core.canonical_edits('{"op": "test", "path": "/title", "value": 1}', '', '{}', null, 3), array['{"n": 3, "op": "test", "path": "/title", "value": 1}']::jsonb[], 'of title and properties');
select is(
    core.canonical_edits('{"op": "move", "path": "/data/u", "from": "/0/data/t"}', 'a', '{"data": {"t": [5]}}', '{data,t}', 3),
    array['{"n": 3, "op": "remove", "path": "/blocks/a/data/t"}', '{"n": 3, "op": "add", "path": "/blocks/a/data/u", "value": [5]}']::jsonb[],
    'a move is a removal and an addition'
);

select * from finish();
rollback;

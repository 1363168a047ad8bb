begin;
select plan(5);

create function pg_temp.redone(p_ops jsonb, p_touched jsonb default '[]') returns jsonb language sql as $$
    select to_jsonb(r) from core.redo_change(
        p_ops, p_touched, '{"blocks": {}}', '{"title": "T", "properties": {}}', '{3,1}',
        array['{"id": "c", "type": "p", "data": {"n": 1}}', '{"id": "a", "type": "p", "data": {}}']::jsonb[]
    ) as r
$$;

select is(
    pg_temp.redone('[{"op": "replace", "path": "/blocks/0/data/n", "value": 2}]'),
    '{"head": {"title": "T", "properties": {}}, "block_order": [3, 1], "blocks": [{"id": "c", "type": "p", "data": {"n": 2}}, {"id": "a", "type": "p", "data": {}}]}',
    'an edit inside a block'
);
select is(
    pg_temp.redone(
        '[{"op": "add", "path": "/blocks/1", "value": {"id": "n", "type": "p", "data": {}}}, {"op": "move", "from": "/blocks/2", "path": "/blocks/0"}]',
        '[["ins", "n", 4], ["mov", "a"]]'
    ) -> 'block_order', '[1, 3, 4]', 'blocks keep their numbers, a new one has its own'
);
select is(
    pg_temp.redone(jsonb_build_array(
        jsonb_build_object('op', 'add', 'path', '/blocks/1/data/' || repeat('k', 2040), 'value', 1),
        '{"op": "remove", "path": "/blocks/0"}'::jsonb
    )) #>> array['blocks', '0', 'data', repeat('k', 2040)],
    '1', 'an index in front of it makes a pointer longer than a client may send'
);
select is(pg_temp.redone('[{"op": "remove", "path": "/blocks/7"}]') -> 'blocks', 'null', 'operations that do not apply');
select is(pg_temp.redone('[{"op": "nonsense"}, {"op": "remove", "path": "/blocks/0"}]') -> 'blocks', 'null', 'nor what is no operation');

select * from finish();
rollback;

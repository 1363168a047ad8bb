begin;
select plan(8);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'e', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
select api.create_page(
    '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
    '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": 1}, "blocks": [{"id": "a", "type": "p", "data": {"t": 1}},
    {"id": "b", "type": "p"}, {"id": "c", "type": "p"}]}', 100::smallint
);
create function pg_temp.page() returns core.pages language sql as $$ select * from core.pages $$;

create function pg_temp.placed(p_op text, p_index integer, p_order integer[], p_gone text[]) returns jsonb language sql as $$
    select core.canonical_placement(pg_temp.page(), p_op, 'x', '{"id": "x"}', p_index, p_order, '{9}', '{n}', p_gone)
$$;

select is(pg_temp.placed('remove', 1, '{1,2,3}', '{}'), '{"op": "remove", "path": "/blocks/x"}', 'a removal');
select is(pg_temp.placed('replace', 1, '{1,2,3}', '{}'), '{"op": "replace", "path": "/blocks/x", "value": {"id": "x"}}', 'a replacement');
select is(pg_temp.placed('add', 2, '{1,2,8,3}', '{}'), '{"op": "add", "path": "/blocks/-", "after": "b", "value": {"id": "x"}}', 'an insertion behind its neighbour');
select is(pg_temp.placed('move', 1, '{1,8,2,3}', '{}'), '{"op": "move", "path": "/blocks/-", "after": "a", "from": "/blocks/x"}', 'a move');
select is(pg_temp.placed('add', 0, '{8,1,2,3}', '{}') -> 'after', 'null', 'at the start');
select is(pg_temp.placed('add', 3, '{1,2,3,8}', '{c,b}') ->> 'after', 'a', 'behind the nearest that others left where it was');
select is(pg_temp.placed('add', 2, '{1,2,8}', '{a,b}') -> 'after', 'null', 'behind none of them');
select is(pg_temp.placed('add', 2, '{1,9,8}', '{}') ->> 'after', 'n', 'behind one that only the draft has');

select * from finish();
rollback;

begin;
select plan(4);

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

create function pg_temp.made(p_order integer[], p_target text, p_gone text[], p_head text default '{"title": "T", "properties": {"k": 1}}')
returns jsonb language sql as $$
    select jsonb_build_array(to_jsonb(made.ops), to_jsonb(made.touched), to_jsonb(made.canonical))
    from core.replacement_operations(
        pg_temp.page(), '{"title": "T", "properties": {"k": 1}}', '{1,2,3}', '{}', '{}', p_head::jsonb, p_order,
        case when p_order is not null then array(select jsonb_array_elements(p_target::jsonb)) end, p_gone, 4
    ) as made
$$;

select is(pg_temp.made(null, null, null, '{"title": "U", "properties": {"k": 1, "l": 2}}'), '[[{"op": "add", "path": "/properties/l", "value": 2}, {"op": "replace", "path": "/title", "value": "U"}], [["set", "", "/properties/l"], ["set", "", "/title"]], []]', 'title and properties');
select is(
    pg_temp.made('{3,4,1}', '[{"id": "c", "type": "p", "data": {}}, {"id": "n", "type": "p", "data": {}}, {"id": "a", "type": "q", "data": {"t": 1}}]', null),
    '[[{"op": "remove", "path": "/blocks/1"}, {"op": "move", "from": "/blocks/1", "path": "/blocks/0"}, {"op": "add", "path": "/blocks/1", "value": {"id": "n", "type": "p", "data": {}}}, {"op": "replace", "path": "/blocks/2/type", "value": "q"}],
        [["del", "b"], ["mov", "c"], ["ins", "n", 4], ["set", "a", "/type"]], []]',
    'the order first, then the inside of blocks'
);
select is(
    pg_temp.made('{1,4,3}', '[{"id": "a", "type": "p", "data": {"t": 1}}, {"id": "n", "type": "p", "data": {}}, {"id": "c", "type": "q", "data": {}}]', '{a}') -> 2,
    '[{"n": 4, "op": "remove", "path": "/blocks/b"}, {"n": 4, "op": "add", "path": "/blocks/-", "after": null, "value": {"id": "n", "type": "p", "data": {}}}, {"n": 4, "op": "replace", "path": "/blocks/c/type", "value": "q"}]',
    'by block id, behind what others left in its place'
);
select is(pg_temp.made('{1,2,3}', '[{"id": "a", "type": "p", "data": {"t": 1}}, {"id": "b", "type": "p", "data": {}}, {"id": "c", "type": "p", "data": {}}]', '{}'), '[[], [], []]', 'nothing for what is the same');

select * from finish();
rollback;

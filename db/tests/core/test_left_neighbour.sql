begin;
select plan(6);

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

select is(core.left_neighbour(page, 'b', '{1,2,3}', '{}', '{}'), 'a', 'the block in front') from pg_temp.page() as page;
select is(core.left_neighbour(page, 'c', '{1,3}', '{}', '{}'), 'a', 'in the order that is given') from pg_temp.page() as page;
select is(core.left_neighbour(page, 'b', '{2,1}', '{}', '{}'), '', 'at the start') from pg_temp.page() as page;
select is(core.left_neighbour(page, 'b', '{1,3}', '{}', '{}'), null, 'not in the order') from pg_temp.page() as page;
select is(core.left_neighbour(page, 'z', '{1,3}', '{}', '{}'), null, 'not on the page') from pg_temp.page() as page;
select is(core.left_neighbour(page, 'b', '{1,9,2}', '{9}', array['{"id": "n"}']::jsonb[]), 'n', 'a neighbour that only the draft has') from pg_temp.page() as page;

select * from finish();
rollback;

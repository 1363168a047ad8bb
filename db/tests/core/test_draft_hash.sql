begin;
select plan(2);

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

select is(core.draft_hash(page, '{"title": "T", "properties": {"k": 1}}', page.block_order), page.content_hash, 'of the rows of a page the hash that it has') from pg_temp.page() as page;
select is(
    core.draft_hash(page, '{"title": "U", "properties": {}}', '{2}'), core.page_hash('{"title": "U", "properties": {}}', '{2}', array['{"id": "b", "type": "p", "data": {}}']::jsonb[]),
    'of another head and order with the same rows'
) from pg_temp.page() as page;

select * from finish();
rollback;

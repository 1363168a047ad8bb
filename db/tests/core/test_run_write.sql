begin;
select plan(7);

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

create function pg_temp.ran(p_function text, p_request text) returns text language sql as $$
    select concat_ws(' ', status, page_id, version, blocks, replayed, left(body, 12))
    from core.run_write('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', p_function, p_request::jsonb)
$$;

select is(pg_temp.ran('create_page', '{"document": "{\"id\": \"00000000-0000-0000-0000-0000000000bb\"}", "priority": 100, "return": "minimal"}'), '201 00000000-0000-0000-0000-0000000000bb 1 0 f', 'a creation');
select is(pg_temp.ran('save_page', '{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": null, "base_version": 1, "body": "[{\"op\": \"remove\", \"path\": \"/blocks/a\"}]", "kind": "patch", "priority": 100, "return": null}'), '200 00000000-0000-0000-0000-0000000000aa 2 2 f {"version": ', 'a save of a base version');
select is(pg_temp.ran('save_page', '{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": ["1"], "base_version": null, "body": "{}", "kind": "merge", "priority": 100, "return": null}'), '412 00000000-0000-0000-0000-0000000000aa 2 f {"code": "ve', 'of an If-Match');
select is(pg_temp.ran('save_page', '{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": [], "base_version": 2, "body": "{}", "kind": "merge", "priority": 100, "return": null}'), '412 00000000-0000-0000-0000-0000000000aa 2 f {"code": "ve', 'an empty If-Match is one');
select is(pg_temp.ran('batch_pages', '{"batch": "{\"patches\": [{\"page_id\": \"00000000-0000-0000-0000-0000000000aa\", \"if_match\": \"*\", \"merge\": {\"title\": \"U\"}}]}", "priority": 100, "return": null}'), '200 f {"results": ', 'a batch');
select is(pg_temp.ran('delete_page', '{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": ["3"]}'), '204 00000000-0000-0000-0000-0000000000aa 4 0 f', 'a deletion');
select throws_ok($q$ select pg_temp.ran('drop_page', '{}') $q$, '20000', null, 'no other');

select * from finish();
rollback;

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

create function pg_temp.failed(p_pointer text) returns jsonb language sql as $$
    select core.failed_test(
        pg_temp.page(), '[{"op": "remove", "path": ""}, {"op": "test", "path": "/as/sent", "value": 5}]',
        jsonb_build_object('operation', 1, 'op', 'test', 'pointer', p_pointer)
    )
$$;

select is(pg_temp.failed('/blocks/a/data/t'), '[{"kind": "test_failed", "operation": 1, "path": "/as/sent", "pointer": "/blocks/a/data/t", "yours": 5, "theirs": 1}]', 'in a block');
select is(pg_temp.failed('/blocks/a') #> '{0,theirs}', '{"id": "a", "type": "p", "data": {"t": 1}}', 'a block');
select is(pg_temp.failed('/properties/k') #> '{0,theirs}', '1', 'a property');
select ok(not pg_temp.failed('/blocks/z/data') -> 0 ? 'theirs', 'what is not there is absent');
select ok(not pg_temp.failed('') -> 0 ? 'theirs', 'the whole document is not repeated');
select ok(not pg_temp.failed('/blocks') -> 0 ? 'theirs', 'nor are all blocks');

select * from finish();
rollback;

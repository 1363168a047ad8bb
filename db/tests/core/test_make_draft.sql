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

create function pg_temp.draft(p_kind text, p_change text) returns text language plpgsql as $$
declare
    v_draft record := core.make_draft(pg_temp.page(), p_kind, p_change::jsonb, '{}', '{}', null);
begin
    return concat_ws(' | ', v_draft.head, v_draft.block_order, v_draft.nos, to_jsonb(v_draft.ops), to_jsonb(v_draft.touched));
end;
$$;

select is(pg_temp.draft('patch', '[{"op": "replace", "path": "/blocks/b/type", "value": "q"}]'), '{"title": "T", "properties": {"k": 1}} | {1,2,3} | {2} | [{"op": "replace", "path": "/blocks/1/type", "value": "q"}] | [["set", "b", "/type"]]', 'a patch');
select is(pg_temp.draft('merge', '{"title": "U"}'), '{"title": "U", "properties": {"k": 1}} | {1,2,3} | {} | [{"op": "replace", "path": "/title", "value": "U"}] | [["set", "", "/title"]]', 'a merge patch');
select is(pg_temp.draft('put', '{"title": "T", "properties": {"k": 1}, "blocks": [{"id": "b", "type": "p"}]}'), '{"title": "T", "properties": {"k": 1}} | {2} | {1,3} | [{"op": "remove", "path": "/blocks/2"}, {"op": "remove", "path": "/blocks/0"}] | [["del", "c"], ["del", "a"]]', 'a whole document');
select is((select version from core.pages), 1::bigint, 'nothing is written');

select * from finish();
rollback;

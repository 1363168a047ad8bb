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
create function pg_temp.patch(p_patch text) returns bigint language sql as $$
    select version from api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', '{*}', null, p_patch, 'patch', 100::smallint
    )
$$;

select pg_temp.patch('[{"op": "replace", "path": "/title", "value": "U"}]');
select pg_temp.patch('[{"op": "replace", "path": "/blocks/a/data/t", "value": 3}, {"op": "add", "path": "/blocks/0", "value": {"id": "n", "type": "p"}}]');
select pg_temp.patch('[{"op": "replace", "path": "/blocks/a/data/t", "value": 4}, {"op": "remove", "path": "/blocks/b"}, {"op": "replace", "path": "/title", "value": "V"}, {"op": "replace", "path": "/properties", "value": {}}]');
create function pg_temp.before(p_version bigint) returns text language sql as $$
    select concat_ws(
        ' ', (old.page).version, (old.page).title, (old.page).properties, (old.page).block_order, old.rebasable,
        (select string_agg(no || ':' || block, ' ' order by no) from unnest(old.nos, old.blocks) as blocks (no, block))
    )
    from core.page_before(pg_temp.page(), p_version) as old
$$;

select is(pg_temp.before(4), '4 V {} {4,1,3} t', 'now');
select is(pg_temp.before(3), '3 U {"k": 1} {4,1,2,3} t 1:{"id": "a", "data": {"t": 3}, "type": "p"} 2:{"id": "b", "data": {}, "type": "p"}', 'one version ago');
select is(pg_temp.before(2), '2 U {"k": 1} {1,2,3} t 1:{"id": "a", "data": {"t": 1}, "type": "p"} 2:{"id": "b", "data": {}, "type": "p"}', 'of two changes of a block the earlier has what it was');
select is(pg_temp.before(1), '1 T {"k": 1} {1,2,3} t 1:{"id": "a", "data": {"t": 1}, "type": "p"} 2:{"id": "b", "data": {}, "type": "p"}', 'at the beginning');
update core.page_changes set touched = null where version = 3;
select matches(pg_temp.before(3), '^3 .* t 1:', 'above a version that did not say what it touched');
select matches(pg_temp.before(2), '^2 .* f 1:', 'and below it');
delete from core.page_changes where version = 3;
select matches(pg_temp.before(1), '^1 .* f ', 'a gap');

select * from finish();
rollback;

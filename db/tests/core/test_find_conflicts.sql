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
create function pg_temp.patch(p_patch text) returns bigint language sql as $$
    select version from api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', '{*}', null, p_patch, 'patch', 100::smallint
    )
$$;

-- others: a is written, b is gone, the title is U
select pg_temp.patch('[{"op": "replace", "path": "/blocks/a/data/t", "value": 5}, {"op": "remove", "path": "/blocks/b"}, {"op": "replace", "path": "/title", "value": "U"}]');
create function pg_temp.met(p_patch text) returns text language sql as $$
    select string_agg(
        format('%s %s %s %s %s %s %s %s', met.n, met.id, met.scope, met.pointer, met.place, coalesce(met.kind, 'equal'), met.yours, met.theirs),
        ', ' order by met.n, met.scope
    )
    from core.page_before(pg_temp.page(), 1) as old
    cross join lateral core.apply_operations(old.page, p_patch::jsonb, old.nos, old.blocks, '{2}', null) as mine
    cross join lateral core.find_conflicts(
        pg_temp.page(), old.page, old.nos, old.blocks, mine.head, mine.block_order, mine.nos, mine.blocks, mine.touched,
        array(select jsonb_array_elements(touched) from core.page_changes where version = 2)
    ) as met
$$;

select is(pg_temp.met('[{"op": "replace", "path": "/blocks/c/type", "value": "q"}, {"op": "replace", "path": "/properties", "value": {}}]'), null, 'what nobody else wrote');
select is(pg_temp.met('[{"op": "replace", "path": "/blocks/a/data/t", "value": 6}]'), '0 a pointer /data/t /data/t write_write 6 5', 'the same place');
select is(pg_temp.met('[{"op": "replace", "path": "/blocks/a/data/t", "value": 5}]'), '0 a pointer /data/t /data/t equal 5 5', 'with the same end');
select is(pg_temp.met('[{"op": "replace", "path": "/blocks/a/data", "value": {"u": 1}}]'), '0 a pointer /data /data write_write {"u": 1} {"t": 5}', 'around it');
select is(pg_temp.met('[{"op": "replace", "path": "/blocks/b/type", "value": "q"}]'), '0 b block   write_deleted {"id": "b", "data": {}, "type": "q"} ', 'a block that is gone');
select is(pg_temp.met('[{"op": "remove", "path": "/blocks/b"}]'), '0 b block   equal  ', 'removed by both');
select is(pg_temp.met('[{"op": "remove", "path": "/blocks/0"}]'), '0 a block   delete_written  {"id": "a", "data": {"t": 5}, "type": "p"}', 'a block that was written');
select is(pg_temp.met('[{"op": "replace", "path": "/title", "value": "V"}]'), '0  pointer /title /title write_write "V" "U"', 'the title');

select * from finish();
rollback;

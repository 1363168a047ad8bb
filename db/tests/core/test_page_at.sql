-- Every way to an older version gives what the page was then, and damage is told, not passed over.
begin;
select plan(26);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(
        ' ', v_state, v_slug, nullif(v_detail, '')::jsonb ->> 'oldest_version',
        nullif(v_detail, '')::jsonb ->> 'last_consistent_version'
    );
end;
$$;
-- What the page is now, remembered by its version: what each way back is measured by.
create temporary table seen (version bigint, document jsonb, block_order integer[]);
create function pg_temp.live() returns jsonb language sql as $$
    select core.page_document(p)::jsonb - array['id', 'version'] from core.pages as p
$$;
create function pg_temp.see() returns void language sql as $$
    insert into seen select p.version, pg_temp.live(), p.block_order from core.pages as p
$$;
create function pg_temp.patch(p_patch text) returns void language sql as $$
    select api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', array['*'], null, p_patch, 'patch', 100::smallint, null
    );
    select pg_temp.see()
$$;
-- the versions whose state is not what was seen
create function pg_temp.wrong(p_live boolean default true) returns bigint[] language sql as $$
    select array_agg(s.version order by s.version) from seen as s
    cross join core.page_state(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', s.version, p_live
    ) as t
    where (t.head || jsonb_build_object('blocks', to_jsonb(t.blocks)), t.block_order) is distinct from
        (s.document, s.block_order)
$$;
create function pg_temp.at(p_version bigint) returns jsonb language sql as $$
    select t.head || jsonb_build_object('blocks', to_jsonb(t.blocks))
    from core.page_at(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', p_version
    ) as t
$$;
do $$
begin
    perform api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": 1}, "blocks": [
            {"id": "a", "type": "p", "data": {"n": 1}}, {"id": "b", "type": "p", "data": {"n": 2}}]}', 100::smallint
    );
    perform pg_temp.see();
    perform pg_temp.patch('[{"op": "replace", "path": "/blocks/a/data/n", "value": 10}]');
    perform pg_temp.patch('[{"op": "add", "path": "/blocks/0", "value": {"id": "c", "type": "p", "data": {}}},
        {"op": "add", "path": "/blocks/-", "value": {"id": "d", "type": "q", "data": {}}}]');
    perform pg_temp.patch('[{"op": "move", "from": "/blocks/a", "path": "/blocks/0"}]');
    perform pg_temp.patch('[{"op": "remove", "path": "/blocks/b"}, {"op": "replace", "path": "/title", "value": "U"}]');
    perform pg_temp.patch('[{"op": "add", "path": "/properties/x", "value": [1]}]');
    perform pg_temp.patch('[{"op": "add", "path": "/blocks/-", "value": {"id": "b", "type": "r", "data": {"again": 1}}}]');
    perform pg_temp.patch('[{"op": "replace", "path": "/blocks/b/data/again", "value": 2}, {"op": "remove", "path": "/blocks/c"}]');
end;
$$;

select is((select max(version) from seen), 8::bigint, 'eight versions');
select is(pg_temp.wrong(), null, 'each can be had, by pre-images from the page as it is');
select is(pg_temp.wrong(false), null, 'and by operations from nothing: the log alone is enough');
select is(pg_temp.at(8), pg_temp.live(), 'the newest');
select is(
    pg_temp.at(4) -> 'blocks' -> 0, '{"id": "a", "type": "p", "data": {"n": 10}}', 'blocks in the order of then'
);
select is(core.page_floor('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa'), 1::bigint, 'from the first on');
select is(pg_temp.problem('select pg_temp.at(9)'), 'PT404 version_not_found', 'not one that is not there yet');
select is(pg_temp.problem('select pg_temp.at(0)'), 'PT404 version_not_found', 'nor one before the first');
select is(pg_temp.problem('select pg_temp.at(null)'), 'PT404 version_not_found', 'nor no version');
select is(
    pg_temp.problem($q$ select core.page_at('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000bb', 1) $q$),
    'PT404 page_not_found', 'nor a page that is not there'
);

-- snapshots
delete from core.page_snapshots_due;
insert into core.page_snapshots_due select '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', v from unnest('{1,4}'::integer[]) as v;
select is(ops.make_snapshots(10), 2, 'snapshots are made as ordered');
savepoint damage;

delete from core.page_changes where version in (1, 2, 3);
select is(pg_temp.wrong(false), '{2}', 'a snapshot is a way past what the log lacks, to itself and onwards');
delete from core.page_snapshots where version = 1;
select is(core.page_floor('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa'), 3::bigint, 'the floor is what the oldest row was made of');
select is(pg_temp.wrong(), '{1,2}', 'which its pre-images still give');
select is(pg_temp.problem('select pg_temp.at(2)'), 'PT410 version_purged 3', 'below, versions are purged');
rollback to damage;

delete from core.page_changes where version in (3, 6);
select is(pg_temp.wrong(), null, 'of two gaps each is reached from its own sides: snapshots below, the page above');
delete from core.page_snapshots;
select is(pg_temp.wrong(), '{3,4,5}', 'between two gaps nothing is believed');
select is(pg_temp.problem('select pg_temp.at(4)'), 'XX001 history_damaged 2', 'and the last good version is named');
rollback to damage;

update core.blocks set data = '{"n": 666}' where id = 'a';
select is(pg_temp.wrong(), null, 'a live row that nobody saved: every version is still had, from snapshot and log');
rollback to damage;
update core.page_snapshots set document = jsonb_set(document, '{blocks,0,data}', '{"n": 666}') where version = 4;
select is(pg_temp.wrong(), null, 'a snapshot that is not what its hash says is passed over');
update core.page_changes set content_hash = null;
select is(pg_temp.wrong(false), null, 'also where the log has no hashes');
rollback to damage;
update core.page_changes set ops = '[{"op": "replace", "path": "/title", "value": "666"}]' where version = 6;
select is(pg_temp.wrong(), null, 'operations that do not lead to the recorded hash: there are pre-images');
update core.page_changes set undo = '{"blocks": {}, "title": "666"}' where version = 6;
select is(pg_temp.wrong(), null, 'neither that nor right pre-images: from both sides');
update core.page_changes set undo = '{"blocks": {}, "title": "666"}' where version = 7;
select is(pg_temp.problem('select pg_temp.at(6)'), 'XX001 history_damaged 5', 'neither there nor at the next: that version is lost');
select is(pg_temp.wrong(), '{6}', 'that one only');
rollback to damage;
update core.page_changes set touched = null where version = 7;
select is(pg_temp.wrong(false), '{7,8}', 'a row of an older release, without numbers, is no way forward');

select * from finish();
rollback;

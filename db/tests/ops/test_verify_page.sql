-- ops.verify_page finds each damage, and ops.rebuild_page repairs what the rest of the history proves.
begin;
select plan(59);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
-- What each version was, to compare repaired ones with.
create temporary table seen (version bigint, document jsonb);
create function pg_temp.live() returns jsonb language sql as $$
    select core.page_document(p)::jsonb - array['id', 'version'] from core.pages as p
$$;
create function pg_temp.see() returns void language sql as $$
    insert into seen select p.version, pg_temp.live() from core.pages as p
$$;
create function pg_temp.patch(p_patch text) returns void language sql as $$
    select api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', array['*'], null, p_patch, 'patch', 100::smallint, null
    );
    select pg_temp.see()
$$;
-- what does not hold: "check versions last"
create function pg_temp.verify() returns text language sql as $$
    select coalesce(string_agg(concat_ws(
        ' ', check_name, detail ->> 'problem', detail ->> 'versions', detail ->> 'last_consistent_version'
    ), '; ' order by place), 'fine')
    from ops.verify_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa')
        with ordinality as v (check_name, ok, detail, place)
    where not ok
$$;
create function pg_temp.rebuild() returns text language sql as $$
    select coalesce(string_agg(concat_ws(
        ' ', action, detail ->> 'version', detail ->> 'problem', detail ->> 'last_consistent_version'
    ), '; ' order by place), 'nothing')
    from ops.rebuild_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa')
        with ordinality as v (action, detail, place)
$$;
-- versions that cannot be had as they were
create function pg_temp.wrong() returns bigint[] language sql as $$
    select array_agg(s.version order by s.version) from seen as s
    cross join core.page_state(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', s.version, true
    ) as t
    where (t.head || jsonb_build_object('blocks', to_jsonb(t.blocks))) is distinct from s.document
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
    delete from core.page_snapshots_due;
    insert into core.page_snapshots_due select '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', v from unnest('{1,4}'::integer[]) as v;
    perform ops.make_snapshots(10);
    delete from core.indexing_queue;
end;
$$;

select is(pg_temp.verify(), 'fine', 'a page proves itself');
select results_eq(
    $$ select check_name from ops.verify_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa') $$,
    $$ values ('block_order'), ('content_hash'), ('snapshots'), ('versions'), ('replay'), ('undo') $$, 'in six ways'
);
select is_empty(
    $$ select * from ops.verify_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000bb') $$,
    'there is nothing to say of a page that is not there'
);
select is(pg_temp.rebuild(), 'nothing', 'nothing is repaired where nothing is wrong');
select is((select version from core.pages), 6::bigint, 'and no version made');
savepoint good;

-- live rows
update core.blocks set data = '{"n": 666}' where id = 'a';
select is(pg_temp.verify(), 'content_hash hash', 'a block that nobody saved is found');
select is(pg_temp.rebuild(), 'page_rebuilt 7', 'and comes back out of the history, as a version');
select results_eq(
    $$ select action, details from core.audit_log where action like 'pages.%' $$,
    $$ values ('pages.repair', '{"page_id": "00000000-0000-0000-0000-0000000000aa", "steps": 1}'::jsonb) $$,
    'that is written down, and that nothing was wrong is not'
);
select is(pg_temp.live(), (select document from seen where version = 6), 'with the content that was saved');
select is((select array_agg(id order by id) from core.blocks where ver = 7), '{a}', 'the one block is newer');
select is((select kind || ' ' || base_version || ' ' || ops from core.page_changes where version = 7), 'repair 6 []', 'recorded as a repair');
select is((select array_agg(no order by no) from core.indexing_queue where op = 'upsert'), '{0,1}', 'and indexed again');
select is(pg_temp.verify(), 'fine', 'then the page proves itself');
select is(pg_temp.wrong(), null, 'and all of its past');
select is(pg_temp.rebuild(), 'nothing', 'once');
rollback to good;
delete from core.blocks where id = 'd';
select is(pg_temp.verify(), 'block_order; content_hash hash', 'a block that is lost is found');
select is(pg_temp.rebuild(), 'page_rebuilt 7', 'and comes back');
select is(pg_temp.live(), (select document from seen where version = 6), 'in its place');
select is(pg_temp.verify(), 'fine', 'to be proved');
rollback to good;
insert into core.blocks (workspace_id, page_id, no, id, type, ver)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', 50, 'x', 'p', 1);
select is(pg_temp.verify(), 'block_order', 'a row that has no place is found');
select is(pg_temp.rebuild(), 'rows_tidied', 'and goes');
select is((select version from core.pages), 6::bigint, 'without a version: no content changed');
select is(pg_temp.verify(), 'fine', 'to be proved');
rollback to good;
alter table core.pages disable trigger check_page_version;
update core.pages set title = '666', block_order = '{1,3,3}';
alter table core.pages enable trigger check_page_version;
select is(pg_temp.verify(), 'block_order; content_hash hash', 'a page row that nobody saved is found');
select is(pg_temp.rebuild(), 'page_rebuilt 7', 'it comes back');
select is(pg_temp.live(), (select document from seen where version = 6), 'as it was saved');
rollback to good;
alter table core.pages disable trigger check_page_version;
update core.pages set next_block_no = 2;
alter table core.pages enable trigger check_page_version;
select is(pg_temp.verify(), 'block_order', 'a number that would be given twice is found');
select is(pg_temp.rebuild(), 'page_rebuilt 7', 'and not given');
select is((select next_block_no from core.pages), 5, 'but a new one');
rollback to good;

-- hashes
update core.pages set content_hash = 1;
select is(pg_temp.verify(), 'content_hash stored_hash', 'another hash in the page row alone');
select is(pg_temp.rebuild(), 'hash_filled', 'is corrected');
select is(pg_temp.verify(), 'fine', 'to be proved');
rollback to good;
update core.pages set content_hash = null;
update core.page_changes set content_hash = null, touched = null;
select is(pg_temp.verify(), 'fine', 'a page of an older release has nothing wrong');
select is(pg_temp.rebuild(), 'hash_filled', 'but gets its hash');
select is(
    (select p.content_hash is not null and p.content_hash = c.content_hash from core.pages as p inner join core.page_changes as c on c.version = p.version),
    true, 'in the page row and in the log'
);
rollback to good;

-- snapshots
update core.page_snapshots set document = jsonb_set(document, '{blocks,0,data}', '{"n": 666}') where version = 4;
select is(pg_temp.verify(), 'snapshots [4]', 'a snapshot that is not what its hash says is found');
update core.blocks set data = '{"n": 666}' where id = 'a';
select is(pg_temp.rebuild(), 'page_rebuilt 7; snapshot_rebuilt 4', 'an older one rebuilds the page, and the log the snapshot');
select is(pg_temp.live(), (select document from seen where version = 6), 'both as they were');
select is((select document from core.page_snapshots where version = 4), (select document from seen where version = 4), 'saved');
select is(pg_temp.verify(), 'fine', 'to be proved');
rollback to good;
-- a hash that fits, but of something else than the log recorded
update core.page_snapshots as s
set document = s.document || '{"title": "666"}',
    content_hash = core.page_hash((s.document - 'blocks') || '{"title": "666"}', s.block_order, array(select jsonb_array_elements(s.document -> 'blocks')))
where version = 4;
select is(pg_temp.verify(), 'snapshots [4]', 'one that is whole but wrong is found by the log');
select is(pg_temp.rebuild(), 'snapshot_rebuilt 4', 'and made again');
rollback to good;

-- the log
update core.page_changes set ops = '[{"op": "replace", "path": "/title", "value": "666"}]' where version = 3;
select is(pg_temp.verify(), 'replay [3] 2', 'operations that were changed are found');
select is(pg_temp.rebuild(), 'change_rewritten 3', 'and written anew, for both sides are known');
select is(pg_temp.verify(), 'fine', 'to be proved');
select is(
    (select jsonpatch.apply(o.document, c.ops) from seen as o, core.page_changes as c where o.version = 2 and c.version = 3),
    (select document from seen where version = 3), 'they do what was done'
);
rollback to good;
update core.page_changes set ops = '[{"op": "remove", "path": "/blocks/99"}]' where version = 5;
select is(pg_temp.verify(), 'replay [5] 4', 'operations that do not apply');
select is(pg_temp.rebuild(), 'change_rewritten 5', 'likewise');
rollback to good;
update core.page_changes set undo = undo || '{"title": "666"}' where version = 5;
select is(pg_temp.verify(), 'undo [5] 4', 'pre-images that were changed are found');
select is(pg_temp.rebuild(), 'change_rewritten 5', 'and written anew');
select is(pg_temp.verify(), 'fine', 'to be proved');
select is(pg_temp.wrong(), null, 'with all of the past');
rollback to good;
delete from core.page_changes where version = 3;
select is(pg_temp.verify(), 'versions [3] 2', 'a row that is gone is found');
select is(pg_temp.rebuild(), 'version_not_repairable 3 missing 2', 'and not made up: the last version before it is told');
select is(pg_temp.wrong(), null, 'though every version can still be had from its own side');
rollback to good;
delete from core.page_changes where version = 5;
update core.blocks set data = '{"n": 666}' where id = 'a';
select is(pg_temp.rebuild(), 'page_not_repairable 4; version_not_repairable 5 missing 4', 'where rows and log are damaged, the last good version is told');
select is(pg_temp.live() #>> '{blocks,0,data,n}', '666', 'and nothing is made up');
rollback to good;
insert into core.page_changes (workspace_id, page_id, version, at, base_version, kind, ops, undo)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', 7, now(), 6, 'patch', '[]', '{}');
select is(pg_temp.verify(), 'versions [7] 6', 'a row of a version to come is found');
rollback to good;

-- privileges
select is(
    array[
        has_function_privilege('quire_monitor', 'ops.verify_page(uuid, uuid)', 'execute'),
        has_function_privilege('quire_api', 'ops.verify_page(uuid, uuid)', 'execute'),
        has_function_privilege('quire_monitor', 'ops.rebuild_page(uuid, uuid)', 'execute'),
        has_function_privilege('quire_worker', 'ops.rebuild_page(uuid, uuid)', 'execute')
    ],
    '{t,f,f,f}', 'the monitor may look, the operator repairs'
);

select * from finish();
rollback;

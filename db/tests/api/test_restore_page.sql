begin;
select plan(36);

insert into core.workspaces (id, name, created_at)
select ('00000000-0000-0000-0000-00000000000' || n)::uuid, 'w', now() from unnest('{1,2}'::text[]) as n;
insert into core.users (id, name, created_at)
select id::uuid, name, now()
from (values
    ('00000000-0000-0000-0000-00000000000a', 'editor'), ('00000000-0000-0000-0000-00000000000b', 'viewer'),
    ('00000000-0000-0000-0000-00000000000c', 'stranger')
) as given (id, name);
insert into core.workspace_members (workspace_id, user_id, role, created_at)
select '00000000-0000-0000-0000-000000000001'::uuid, id, name, now() from core.users where name <> 'stranger'
union all
select '00000000-0000-0000-0000-000000000002', id, 'editor', now() from core.users where name = 'editor';
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name;
    return concat_ws(' ', v_state, v_slug);
end;
$$;
create function pg_temp.live() returns jsonb language sql as $$
    select core.page_document(p)::jsonb - array['id', 'version'] from core.pages as p
$$;
create temporary table seen (version bigint, document jsonb);
create function pg_temp.patch(p_patch text) returns void language sql as $$
    select api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', array['*'], null, p_patch, 'patch', 100::smallint, null
    );
    insert into seen select p.version, pg_temp.live() from core.pages as p
$$;
create function pg_temp.restore(
    p_version bigint, p_match text default null, p_return text default null, p_user text default 'editor',
    p_workspace integer default 1, p_page text default 'aa'
) returns jsonb language sql as $$
    select body::jsonb || jsonb_build_object('is', format('%s %s %s %s', status, version, blocks, replayed))
    from api.restore_page(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, (select id from core.users where name = p_user),
        ('00000000-0000-0000-0000-0000000000' || p_page)::uuid, string_to_array(p_match, ','), p_version, p_return, null
    )
$$;
create function pg_temp.nos() returns text language sql as $$
    select string_agg(b.id || ':' || b.no, ' ' order by w.place)
    from core.pages as p
    cross join unnest(p.block_order) with ordinality as w (no, place)
    inner join core.blocks as b on b.no = w.no
$$;
do $$
begin
    perform api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": 1}, "blocks": [
            {"id": "a", "type": "p", "data": {"n": 1}}, {"id": "b", "type": "p", "data": {"n": 2}},
            {"id": "c", "type": "p", "data": {"n": 3}}]}', 100::smallint
    );
    insert into seen select p.version, pg_temp.live() from core.pages as p;
    perform pg_temp.patch('[{"op": "move", "from": "/blocks/c", "path": "/blocks/0"},
        {"op": "replace", "path": "/title", "value": "U"}, {"op": "replace", "path": "/blocks/a/data/n", "value": 10}]');
    perform pg_temp.patch('[{"op": "remove", "path": "/blocks/b"}]');
    delete from core.page_snapshots_due;
    delete from core.indexing_queue;
end;
$$;
savepoint live;

select is(
    pg_temp.restore(2),
    '{"is": "200 4 3 f", "version": 4, "rebased": false, "base_version": 3, "server_patch": [],
        "applied_patch": [{"op": "add", "path": "/blocks/2", "value": {"id": "b", "type": "p", "data": {"n": 2}}}]}',
    'an older version comes back as a new one'
);
select is(pg_temp.live(), (select document from seen where version = 2), 'with its content');
select is(pg_temp.nos(), 'c:3 a:1 b:4', 'blocks keep their numbers; one that was gone gets a new one');
select is((select array_agg(version order by version) from core.page_changes), '{1,2,3,4}', 'history stays as it was');
select is((select kind || ' ' || base_version from core.page_changes where version = 4), 'restore 3', 'and says what was done');
select is((select array_agg(version) from core.page_snapshots_due), '{4}', 'a snapshot is ordered');
select is((select array_agg(no order by no) from core.indexing_queue), '{4}', 'what changed is indexed');
select is(pg_temp.restore(1) ->> 'is', '200 5 3 f', 'again, an older one');
select is(pg_temp.live(), (select document from seen where version = 1), 'with title, order and blocks');
select is(pg_temp.restore(5) ->> 'is', '200 5 3 f', 'the version it has makes no new one');
select is(pg_temp.restore(1) -> 'applied_patch', '[]', 'nor does one with the same content');
select is(
    (
        select array_agg(s.version) from seen as s cross join core.page_at(
            '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa', s.version
        ) as t where t.head || jsonb_build_object('blocks', to_jsonb(t.blocks)) <> s.document
    ), null, 'every version before can still be had'
);
select is((select array_agg(check_name) from ops.verify_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa') where not ok), null, 'the page proves itself');
rollback to live;

-- what it answers
select is(pg_temp.restore(1, null, 'minimal'), '{"is": "200 4 3 f", "version": 4, "rebased": false, "base_version": 3}', 'minimal');
rollback to live;
select is(
    pg_temp.restore(1, null, 'representation') -> 'document',
    (select document || '{"id": "00000000-0000-0000-0000-0000000000aa", "version": 4}' from seen where version = 1), 'representation'
);
select is((select core.page_document(p)::jsonb -> 'version' from core.pages as p), '4', 'which is what is stored');
rollback to live;

-- a deleted page
select api.delete_page(
    '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
    '00000000-0000-0000-0000-0000000000aa', array['*']
);
delete from core.indexing_queue;
savepoint deleted;
select is(pg_temp.restore(3), '{"is": "200 5 2 f", "version": 5, "rebased": false, "base_version": 4, "server_patch": [], "applied_patch": []}', 'a deleted page comes back');
select is(pg_temp.live(), (select document from seen where version = 3), 'as it was');
select is((select deleted_at is null from core.pages), true, 'and is there');
select is((select array_agg(no order by no) from core.indexing_queue where op = 'upsert'), '{0,1,3}', 'all of it is indexed again');
select is((select kind from core.page_changes where version = 5), 'restore', 'recorded');
select is((select array_agg(check_name) from ops.verify_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-0000000000aa') where not ok), null, 'the page proves itself');
select is(pg_temp.restore(3) ->> 'is', '200 5 2 f', 'once');
rollback to deleted;
select is(pg_temp.restore(1) ->> 'is', '200 5 3 f', 'an older version of it in one step');
select is(pg_temp.live(), (select document from seen where version = 1), 'with its content');
select is((select array_agg(no order by no) from core.indexing_queue where op = 'upsert'), '{0,1,3,4}', 'indexed');
rollback to deleted;
select is(pg_temp.restore(4) ->> 'is', '200 5 2 f', 'the version of its deletion is what it was then');
rollback to live;

-- refusals
select is(pg_temp.restore(1, '3') ->> 'is', '200 4 3 f', 'If-Match that holds');
rollback to live;
select is(pg_temp.problem($$ select pg_temp.restore(1, '2') $$), 'PT412 version_mismatch', 'If-Match that does not');
select is(pg_temp.problem($$ select pg_temp.restore(9) $$), 'PT404 version_not_found', 'a version to come');
select is(pg_temp.problem($$ select pg_temp.restore(null) $$), 'PT404 version_not_found', 'no version');
select is(pg_temp.problem($$ select pg_temp.restore(1, null, null, 'viewer') $$), 'PT403 role_required', 'a viewer');
select is(pg_temp.problem($$ select pg_temp.restore(1, null, null, 'stranger') $$), 'PT404 workspace_not_found', 'a stranger');
select is(pg_temp.problem($$ select pg_temp.restore(1, null, null, 'editor', 2) $$), 'PT404 page_not_found', 'another workspace');
select is(pg_temp.problem($$ select pg_temp.restore(1, null, null, 'editor', 1, 'bb') $$), 'PT404 page_not_found', 'another page');
delete from core.page_changes where version < 3;
select is(pg_temp.problem($$ select pg_temp.restore(1) $$), 'PT410 version_purged', 'what retention took');

select * from finish();
rollback;

-- api.get_page_version, get_page_since, list_page_changes and diff_page on one page of eight versions.
begin;
select plan(46);

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
create temporary table seen (version bigint, document jsonb);
create function pg_temp.patch(p_patch text) returns void language sql as $$
    select api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-0000000000aa', array['*'], null, p_patch, 'patch', 100::smallint, null
    );
    insert into seen select p.version, core.page_document(p)::jsonb from core.pages as p
$$;
create function pg_temp.user(p_name text) returns uuid language sql as $$
    select id from core.users where name = p_name
$$;
create function pg_temp.version(
    p_version bigint, p_known bigint[] default null, p_user text default 'viewer', p_workspace integer default 1,
    p_page text default 'aa'
) returns table (version bigint, body text) language sql as $$
    select version, body from api.get_page_version(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        ('00000000-0000-0000-0000-0000000000' || p_page)::uuid, p_version, p_known
    )
$$;
create function pg_temp.since(
    p_since bigint, p_known bigint[] default null, p_user text default 'viewer', p_workspace integer default 1
) returns jsonb language sql as $$
    select body::jsonb from api.get_page_since(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa', p_since, p_known
    )
$$;
create function pg_temp.changes(
    p_since bigint, p_limit integer default null, p_user text default 'viewer', p_workspace integer default 1
) returns jsonb language sql as $$
    select body::jsonb from api.list_page_changes(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa', p_since, p_limit
    )
$$;
create function pg_temp.diff(
    p_from bigint, p_to bigint, p_user text default 'viewer', p_workspace integer default 1
) returns jsonb language sql as $$
    select body::jsonb from api.diff_page(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa', p_from, p_to
    )
$$;
-- what a client that has p_since makes of the answer: its blocks by id, brought to what they are now
create function pg_temp.follow(p_since bigint) returns jsonb language sql as $$
    select jsonb_build_object(
        'id', '00000000-0000-0000-0000-0000000000aa'::uuid, 'title', a -> 'title', 'properties', a -> 'properties',
        'version', a -> 'version', 'blocks', (
            select jsonb_agg(coalesce(n, o) order by place)
            from jsonb_array_elements_text(a -> 'order') with ordinality as w (id, place)
            left join jsonb_array_elements(a -> 'blocks') as n on n ->> 'id' = w.id
            left join jsonb_array_elements((select document -> 'blocks' from seen where version = p_since)) as o
                on o ->> 'id' = w.id
        )
    )
    from pg_temp.since(p_since) as a
$$;
do $$
begin
    perform api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": 1.50}, "blocks": [
            {"id": "a", "type": "p", "data": {"n": 1.50}}, {"id": "b", "type": "p", "data": {"n": 2}}]}', 100::smallint
    );
    insert into seen select p.version, core.page_document(p)::jsonb from core.pages as p;
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

-- a version
select results_eq(
    $$ select s.version, v.version, v.body::jsonb from seen as s cross join pg_temp.version(s.version) as v order by 1 $$,
    $$ select version, version, document from seen order by 1 $$,
    'each version is read as it was'
);
select ok((select body like '%"n": 1.50%' from pg_temp.version(1)), 'numbers with the digits they came with');
select is(
    (select body from pg_temp.version(8)), (select core.page_document(p) from core.pages as p),
    'the newest in the same words as without a version'
);
select results_eq('select * from pg_temp.version(3, array[3]::bigint[])', 'values (3::bigint, null)', 'one that is known is not built');
select is((select count(body) from pg_temp.version(3, array[2, 8]::bigint[])), 1::bigint, 'whatever other versions are known');
select is(pg_temp.problem('select pg_temp.version(9)'), 'PT404 version_not_found', 'a version to come');
select is(pg_temp.problem('select pg_temp.version(9, array[9])'), 'PT404 version_not_found', 'though the client says it knows it');
select is(pg_temp.problem('select pg_temp.version(1, null, $q$viewer$q$, 1, $q$bb$q$)'), 'PT404 page_not_found', 'another page');
select is(pg_temp.problem('select pg_temp.version(1, null, $q$editor$q$, 2)'), 'PT404 page_not_found', 'another workspace');
select is(pg_temp.problem('select pg_temp.version(1, null, $q$stranger$q$)'), 'PT404 workspace_not_found', 'a stranger');

-- since
select is(
    (
        select array_agg(s.version order by s.version) from seen as s
        where pg_temp.follow(s.version) <> (select n.document from seen as n where n.version = 8)
    ),
    null, 'from each version what changed since leads to the newest'
);
select is(
    pg_temp.since(5) - 'version',
    '{"title": "U", "properties": {"k": 1.50, "x": [1]}, "order": ["a", "d", "b"], "removed": ["c"],
        "blocks": [{"id": "b", "type": "r", "data": {"again": 2}}]}',
    'changed blocks are whole, others are names, and what is gone is told'
);
select is(pg_temp.since(3) -> 'removed', '["c"]', 'a block that went and came again is not gone');
select is(pg_temp.since(2) -> 'removed', '[]', 'nor is one that came since and went');
select is(pg_temp.since(8) -> 'blocks', '[]', 'nothing since the newest');
select is(pg_temp.since(0) -> 'blocks', (select document -> 'blocks' from seen where version = 8), 'since nothing, all');
select is(pg_temp.since(5, array[8]::bigint[]), null, 'nothing is built for who knows the newest');
select is(pg_temp.problem('select pg_temp.since(9)'), 'PT422 version_unknown', 'since a version to come');
select is(pg_temp.problem('select pg_temp.since(-1)'), 'PT422 version_unknown', 'since before there was any');
select is(pg_temp.problem('select pg_temp.since(null)'), 'PT422 version_unknown', 'since no version');
select is(pg_temp.problem('select pg_temp.since(1, null, $q$editor$q$, 2)'), 'PT404 page_not_found', 'another workspace');
select is(pg_temp.problem('select pg_temp.since(1, null, $q$stranger$q$)'), 'PT404 workspace_not_found', 'a stranger');

-- the log
select is(
    jsonb_path_query_array(pg_temp.changes(null), '$.changes[*].version'), '[1, 2, 3, 4, 5, 6, 7, 8]',
    'the log, oldest first'
);
select is(
    pg_temp.changes(3, 1) #- '{changes,0,at}',
    '{"next": 4, "changes": [{"version": 4, "base_version": 3, "kind": "patch",
        "actor": "00000000-0000-0000-0000-00000000000a", "ops": [{"op": "move", "from": "/blocks/1", "path": "/blocks/0"}]}]}',
    'who did what to which version'
);
select matches(pg_temp.changes(3, 1) #>> '{changes,0,at}', '^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$', 'and when');
select is(pg_temp.changes(6, 2) -> 'next', 'null', 'no more after the newest');
select is(pg_temp.changes(8), '{"next": null, "changes": []}', 'nothing after it');
select is(
    (
        select array_agg(c.version order by c.version)
        from seen as c inner join seen as p on p.version = c.version - 1
        where jsonpatch.apply(
            p.document - array['id', 'version'], pg_temp.changes(p.version, 1) #> '{changes,0,ops}'
        ) <> c.document - array['id', 'version']
    ), null, 'the operations lead from each version to the next'
);
select is(pg_temp.problem('select pg_temp.changes(1, 0)'), 'PT400 bad_limit', 'a limit of nothing');
select is(pg_temp.problem('select pg_temp.changes(1, 201)'), 'PT400 bad_limit', 'a limit too high');
select is(pg_temp.problem('select pg_temp.changes(9)'), 'PT422 version_unknown', 'after a version to come');
select is(pg_temp.problem('select pg_temp.changes(1, null, $q$editor$q$, 2)'), 'PT404 page_not_found', 'another workspace');
select is(pg_temp.problem('select pg_temp.changes(1, null, $q$stranger$q$)'), 'PT404 workspace_not_found', 'a stranger');

-- differences
select is(
    (
        select array_agg(format('%s>%s', f.version, t.version)) from seen as f cross join seen as t
        where jsonpatch.apply(f.document - array['id', 'version'], pg_temp.diff(f.version, t.version))
            <> t.document - array['id', 'version']
    ), null, 'from each version to each other, back as well'
);
select is(pg_temp.diff(3, 4), '[{"op": "move", "from": "/blocks/1", "path": "/blocks/0"}]', 'a moved block is one move');
select is(pg_temp.diff(1, 2), '[{"op": "replace", "path": "/blocks/0/data", "value": {"n": 10}}]', 'a change is one inside its block');
select ok(not pg_temp.diff(4, 8) @> '[{"op": "add", "path": "/blocks/2"}]', 'a block that came again is the one of its id');
select is(pg_temp.diff(6, null), pg_temp.diff(6, 8), 'to the newest where it says no version');
select is(pg_temp.diff(6, 6), '[]', 'to itself');
select is(pg_temp.problem('select pg_temp.diff(9, 1)'), 'PT404 version_not_found', 'from a version to come');
select is(pg_temp.problem('select pg_temp.diff(1, 9)'), 'PT404 version_not_found', 'to one');
select is(pg_temp.problem('select pg_temp.diff(1, 2, $q$stranger$q$)'), 'PT404 workspace_not_found', 'a stranger');

-- what is gone
savepoint whole;
delete from core.page_changes where version <= 3;
select is(
    array[
        pg_temp.problem('select pg_temp.version(2)'), pg_temp.problem('select pg_temp.since(2)'),
        pg_temp.problem('select pg_temp.changes(2)'), pg_temp.problem('select pg_temp.diff(2, 5)')
    ],
    array_fill('PT410 version_purged 3'::text, array[4]), 'what retention took is told, with what is left'
);
select is(jsonb_path_query_array(pg_temp.changes(null), '$.changes[*].version'), '[4, 5, 6, 7, 8]', 'the log goes back as far as it goes');
delete from core.page_changes where version = 7;
select is(
    array[pg_temp.problem('select pg_temp.since(4)'), pg_temp.problem('select pg_temp.changes(null)')],
    array['XX001 history_damaged 6', 'XX001 history_damaged 6'], 'a gap is damage, not retention'
);
rollback to whole;
select api.delete_page(
    '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
    '00000000-0000-0000-0000-0000000000aa', array['*']
);
select is(
    array[
        pg_temp.problem('select pg_temp.version(2)'), pg_temp.problem('select pg_temp.since(2)'),
        pg_temp.problem('select pg_temp.changes(2)'), pg_temp.problem('select pg_temp.diff(2, 5)')
    ],
    array_fill('PT404 page_not_found'::text, array[4]), 'of a deleted page nothing is read'
);

select * from finish();
rollback;

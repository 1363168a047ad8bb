-- api.name_version, unname_version and list_versions.
begin;
select plan(25);

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
create function pg_temp.user(p_name text) returns uuid language sql as $$
    select id from core.users where name = p_name
$$;
create function pg_temp.name(
    p_name text, p_version bigint default null, p_user text default 'editor', p_workspace integer default 1
) returns text language sql as $$
    select format('%s %s %s', created, body::jsonb ->> 'name', body::jsonb ->> 'version') from api.name_version(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa', p_name, p_version
    )
$$;
create function pg_temp.unname(
    p_name text, p_user text default 'editor', p_workspace integer default 1
) returns bigint language sql as $$
    select version from api.unname_version(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa', p_name
    )
$$;
create function pg_temp.names(p_user text default 'viewer', p_workspace integer default 1) returns jsonb language sql as $$
    select body::jsonb -> 'versions' from api.list_versions(
        ('00000000-0000-0000-0000-00000000000' || p_workspace)::uuid, pg_temp.user(p_user),
        '00000000-0000-0000-0000-0000000000aa'
    )
$$;
do $$
begin
    perform api.create_page(
        '00000000-0000-0000-0000-000000000001', pg_temp.user('editor'),
        '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "1"}', 100::smallint
    );
    for v_version in 2..3 loop
        perform api.patch_page(
            '00000000-0000-0000-0000-000000000001', pg_temp.user('editor'), '00000000-0000-0000-0000-0000000000aa',
            array['*'], null, format('[{"op": "replace", "path": "/title", "value": "%s"}]', v_version), 'patch',
            100::smallint, null
        );
    end loop;
    delete from core.page_snapshots_due;
end;
$$;
select set_config('quire.fake_now', '2031-01-02 03:04:05+00', true);

select is(pg_temp.names(), '[]', 'a page has none at first');
select is(pg_temp.name('sent to print', 2), 't sent to print 2', 'a version gets a name');
select is(
    pg_temp.names(),
    '[{"name": "sent to print", "version": 2, "created_at": "2031-01-02T03:04:05.000000Z",
        "created_by": "00000000-0000-0000-0000-00000000000a"}]', 'with who gave it when'
);
select is((select array_agg(version) from core.page_snapshots_due), '{2}', 'its snapshot is ordered');
select is(pg_temp.name('Ünï cöde'), 't Ünï cöde 3', 'the newest without a number');
select is(jsonb_path_query_array(pg_temp.names(), '$[*].version'), '[3, 2]', 'the newest first');
select set_config('quire.fake_now', '2032-01-01 00:00:00+00', true);
select is(pg_temp.name('sent to print', 2), 'f sent to print 2', 'the same again');
select is(pg_temp.names() #>> '{1,created_at}', '2031-01-02T03:04:05.000000Z', 'changes nothing');
select is(pg_temp.name('sent to print', 1), 'f sent to print 1', 'a name moves to another version');
select is(pg_temp.names() #>> '{1,created_at}', '2032-01-01T00:00:00.000000Z', 'and says since when');
select is(pg_temp.name('also 1', 1), 't also 1 1', 'a version may have two names');
select is(pg_temp.unname('also 1'), 1::bigint, 'a name is taken off');
select is(pg_temp.problem($q$ select pg_temp.unname('also 1') $q$), 'PT404 name_not_found', 'once');
select is(pg_temp.problem($q$ select pg_temp.name('x', 4) $q$), 'PT404 version_not_found', 'no version to come');
select is(
    array[
        pg_temp.problem($q$ select pg_temp.name('') $q$), pg_temp.problem($q$ select pg_temp.name(' x') $q$),
        pg_temp.problem($q$ select pg_temp.name(repeat('x', 201)) $q$), pg_temp.problem($q$ select pg_temp.name(e'a\nb') $q$),
        pg_temp.problem($q$ select pg_temp.name('a/b') $q$), pg_temp.problem($q$ select pg_temp.name('..') $q$),
        pg_temp.problem($q$ select pg_temp.name(null) $q$), pg_temp.problem($q$ select pg_temp.name('...') $q$), pg_temp.problem($q$ select pg_temp.name(repeat('ü', 200)) $q$)
    ],
    array_fill('PT422 name_invalid'::text, array[7]) || '{none,none}'::text[], 'a name is a line of at most 200 characters'
);
select is(pg_temp.problem($q$ select pg_temp.name('x', 1, 'viewer') $q$), 'PT403 role_required', 'a viewer names nothing');
select is(pg_temp.problem($q$ select pg_temp.unname('x', 'viewer') $q$), 'PT403 role_required', 'nor takes names off');
select is(pg_temp.problem($q$ select pg_temp.name('x', 1, 'stranger') $q$), 'PT404 workspace_not_found', 'a stranger');
select is(pg_temp.problem($q$ select pg_temp.unname('sent to print', 'stranger') $q$), 'PT404 workspace_not_found', 'cannot');
select is(pg_temp.problem($q$ select pg_temp.names('stranger') $q$), 'PT404 workspace_not_found', 'nor see them');
select is(pg_temp.problem($q$ select pg_temp.name('x', 1, 'editor', 2) $q$), 'PT404 page_not_found', 'another workspace');
select is(pg_temp.problem($q$ select pg_temp.unname('sent to print', 'editor', 2) $q$), 'PT404 page_not_found', 'has no such page');
select is(pg_temp.problem($q$ select pg_temp.names('editor', 2) $q$), 'PT404 page_not_found', 'nor names of it');
delete from core.page_changes where version <= 2;
select is(pg_temp.problem($q$ select pg_temp.name('x', 1) $q$), 'PT410 version_purged', 'what is gone gets no name');
select is((select count(*) from core.page_changes), 1::bigint, 'no name makes a version');

select * from finish();
rollback;

begin;
select plan(10);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at)
select id::uuid, name, now()
from (values
    ('00000000-0000-0000-0000-00000000000a', 'editor'), ('00000000-0000-0000-0000-00000000000b', 'viewer'),
    ('00000000-0000-0000-0000-00000000000c', 'stranger')
) as given (id, name);
insert into core.workspace_members (workspace_id, user_id, role, created_at)
select '00000000-0000-0000-0000-000000000001', id, name, now() from core.users where name <> 'stranger';
-- What an error says: SQLSTATE, slug, and operation and pointer where its detail has them.
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
        ' ', v_state, v_slug, nullif(v_detail, '')::jsonb ->> 'operation', nullif(v_detail, '')::jsonb ->> 'pointer'
    );
end;
$$;
create function pg_temp.create_page(p_document text, p_actor text default 'a') returns jsonb language sql as $$
    select body::jsonb from api.create_page(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid, p_document,
        100::smallint
    )
$$;
create function pg_temp.patch(p_patch text, p_match text default '*', p_base bigint default null, p_actor text default 'a')
returns jsonb language sql as $$
    select body::jsonb from api.patch_page(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid,
        '00000000-0000-0000-0000-0000000000aa', string_to_array(p_match, ','), p_base, p_patch,
        case when ltrim(p_patch) like '{%' then 'merge' else 'patch' end, 100::smallint, 'representation'
    )
$$;
create function pg_temp.blocks(p_answer jsonb) returns text language sql as $$
    select string_agg(b ->> 'id', ' ') from jsonb_array_elements(p_answer #> '{document,blocks}') as b
$$;
select pg_temp.create_page('{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": [1, 2]},
    "blocks": [{"id": "a", "type": "p", "data": {"text": "x"}}, {"id": "b", "type": "p", "data": {"n": 1.50}},
    {"id": "c", "type": "q", "data": {}}]}');

create function pg_temp.get(p_known bigint[], p_actor text default 'b', p_page text default 'aa') returns text language sql as $$
    select version || ' ' || coalesce(body, 'not modified') from api.get_page(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid,
        ('00000000-0000-0000-0000-0000000000' || p_page)::uuid, p_known
    )
$$;
select is(pg_temp.get(null), '1 {"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": [1, 2]}, "blocks": '
    || '[{"id": "a", "type": "p", "data": {"text": "x"}}, {"id": "b", "type": "p", "data": {"n": 1.50}}, {"id": "c", "type": "q", "data": {}}], "version": 1}', 'the document');
select is(pg_temp.get('{7,1}'), '1 not modified', 'a known version is not built');
select matches(pg_temp.get('{7}'), '^1 {"id"', 'another one is');
select matches(pg_temp.get('{}'), '^1 {"id"', 'none known');
select is(pg_temp.problem($q$ select pg_temp.get(null, 'b', 'ab') $q$), 'PT404 page_not_found', 'no such page');
select is(pg_temp.problem($q$ select pg_temp.get('{1}', 'c') $q$), 'PT404 workspace_not_found', 'a stranger');
select lives_ok($q$ select * from pg_temp.patch('[{"op": "replace", "path": "/title", "value": "\"q\\ \u00e9"}]') $q$, 'a title with quotes');
select is(substr(pg_temp.get(null), 3)::jsonb ->> 'title', E'"q\\ \u00e9', 'is escaped');
select lives_ok($q$ select * from api.delete_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000aa', '{2}') $q$, 'deleted');
select is(pg_temp.problem($q$ select pg_temp.get(null) $q$), 'PT404 page_not_found', 'a deleted page is not shown');

select * from finish();
rollback;

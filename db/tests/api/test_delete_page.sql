begin;
select plan(12);

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

create function pg_temp.delete(p_match text default '*', p_actor text default 'a') returns bigint language sql as $$
    select version from api.delete_page(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid,
        '00000000-0000-0000-0000-0000000000aa', string_to_array(p_match, ',')
    )
$$;
select is(pg_temp.problem($q$ select pg_temp.delete(null) $q$), 'PT428 precondition_required', 'no precondition');
select is(pg_temp.problem($q$ select pg_temp.delete('2') $q$), 'PT412 version_mismatch', 'another version');
select is(pg_temp.problem($q$ select pg_temp.delete('*', 'b') $q$), 'PT403 role_required', 'a viewer');
select is(pg_temp.problem($q$ select pg_temp.delete('*', 'c') $q$), 'PT404 workspace_not_found', 'a stranger');
select is(pg_temp.delete('1'), 2::bigint, 'a deletion is a version');
select is((select deleted_at is not null and version = 2 from core.pages), true, 'of the row, which stays');
select is((select count(*)::integer from core.blocks), 3, 'with its blocks');
select is((select kind from core.page_changes where version = 2), 'delete', 'and in the log');
select is((select array_agg(no order by no) from core.indexing_queue where op = 'delete'), '{0,1,2,3}', 'search forgets it');
select is(pg_temp.problem($q$ select pg_temp.delete() $q$), 'PT404 page_not_found', 'once');
select is(pg_temp.problem($q$ select pg_temp.patch('[]') $q$), 'PT404 page_not_found', 'a deleted page is not written');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"id": "00000000-0000-0000-0000-0000000000aa"}', 'a') $q$), 'PT409 page_exists', 'and its id stays taken');

select * from finish();
rollback;

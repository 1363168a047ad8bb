begin;
select plan(14);

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

create function pg_temp.put(p_document text, p_match text default '*') returns jsonb language sql as $$
    select body::jsonb from api.put_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000aa',
        string_to_array(p_match, ','), null, p_document, 100::smallint, 'representation'
    )
$$;
select is(
    pg_temp.put('{"id": "00000000-0000-0000-0000-0000000000AA", "version": 1, "title": "T", "properties": {"k": [1, 2]}, "blocks":
        [{"id": "a", "type": "p", "data": {"text": "x"}}, {"id": "b", "type": "p", "data": {"n": 1.5}}, {"id": "c", "type": "q"}]}') ->> 'version',
    '1', 'what was read, written back, is no new version'
);
select is((select array_agg(no || ':' || ver order by no) from core.blocks), '{1:1,2:1,3:1}', 'nothing was written');
select is(
    (select string_agg(o ->> 'op', ' ') from jsonb_array_elements(pg_temp.put('{"title": "T", "properties": {"k": [1, 3]}, "blocks":
        [{"id": "b", "type": "p", "data": {"n": 1.5, "m": 1}}, {"type": "new"}, {"id": "a", "type": "p", "data": {"text": "x"}}]}') -> 'applied_patch') as o),
    'remove move add add replace', 'saved as a difference by block id'
);
select is((select array_agg(no || ':' || ver order by no) from core.blocks), '{1:1,2:2,4:2}', 'an unchanged block that moved is not written');
select is((select kind from core.page_changes where version = 2), 'put', 'the log says how it came');
select is(pg_temp.put('{"title": "", "properties": {}, "blocks": []}', '1') ->> 'code', 'version_mismatch', 'stale');
select is(pg_temp.problem($q$ select pg_temp.put('{"title": "", "properties": {}, "blocks": []}', null) $q$), 'PT428 precondition_required', 'no precondition');
select is(pg_temp.problem($q$ select pg_temp.put('{}') $q$), 'PT422 member_missing /blocks', 'a page is not blanked by what is missing');
select is(pg_temp.problem($q$ select pg_temp.put('{"blocks": [], "properties": {}}') $q$), 'PT422 member_missing /title', 'the title is needed');
select is(pg_temp.problem($q$ select pg_temp.put('[]') $q$), 'PT422 document_not_object ', 'an object');
select is(pg_temp.problem($q$ select pg_temp.put('{"id": "b", "blocks": []}') $q$), 'PT422 id_mismatch /id', 'another page');
select is(pg_temp.problem($q$ select pg_temp.put('{"title": "", "properties": {}, "blocks": [], "x": 1}') $q$), 'PT422 unknown_member /x', 'no other members');
select is(pg_temp.problem($q$ select pg_temp.put('{"title": "", "properties": {}, "blocks": [{"id": "a"}]}') $q$), 'PT422 block_type_invalid /blocks/0', 'blocks are checked');
select is((select version from core.pages), 2::bigint, 'nothing of what failed is left');

select * from finish();
rollback;

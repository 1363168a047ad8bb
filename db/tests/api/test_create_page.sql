begin;
select plan(44);

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

set local quire.fake_now = '2026-05-06 07:08:09.5+00';
select is(
    pg_temp.create_page('{"id": "00000000-0000-0000-0000-0000000000AA", "title": "T", "properties": {"k": 1.50},
        "blocks": [{"id": "a", "type": "p", "data": {"n": 1e2}}, {"type": "q"}]}') #- '{blocks,1,id}',
    '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"k": 1.50}, "blocks":
        [{"id": "a", "type": "p", "data": {"n": 100}}, {"type": "q", "data": {}}], "version": 1}',
    'answers the document as stored'
);
select matches(data ->> 'body', '"k": 1.50', 'numbers keep their digits') from (select to_jsonb(g) as data from api.get_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000b', '00000000-0000-0000-0000-0000000000aa', null) as g) as g;
select results_eq(
    'select no, ver, id = ''a'' or id ~ ''^[0-9a-f-]{14}7'' from core.blocks order by no', 'values (1, 1::bigint, true), (2, 1, true)',
    'block rows numbered from 1; a missing id is a UUIDv7'
);
select results_eq(
    'select block_order, next_block_no, created_at, edited_minute, updated_by from core.pages',
    $$values (array[1, 2], 3, '2026-05-06 07:08:09.5+00'::timestamptz, '2026-05-06 07:08:00+00'::timestamptz,
        '00000000-0000-0000-0000-00000000000a'::uuid)$$,
    'the page row'
);
select results_eq(
    'select version, kind, base_version, ops #>> ''{0,path}'', ops #>> ''{0,value,title}'', undo from core.page_changes',
    $$values (1::bigint, 'create', 0::bigint, '', 'T', '{"blocks": {}}'::jsonb)$$, 'the log begins'
);
select results_eq('select no from core.indexing_queue order by no', 'values (0), (1), (2)', 'all is queued for indexing');
select is(pg_temp.create_page('{}') - 'id', '{"title": "", "properties": {}, "blocks": [], "version": 1}', 'everything is optional');
select matches(pg_temp.create_page('{}') ->> 'id', '^[0-9a-f]{8}-[0-9a-f]{4}-7', 'a page id is a UUIDv7');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"id": "00000000-0000-0000-0000-0000000000aa"}', 'a') $q$), 'PT409 page_exists', 'an id is used once');
select is(pg_temp.problem($q$ select pg_temp.create_page('{}', 'b') $q$), 'PT403 role_required', 'viewers do not write');
select is(pg_temp.problem($q$ select pg_temp.create_page('{}', 'c') $q$), 'PT404 workspace_not_found', 'strangers see nothing');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"id": "x"}', 'a') $q$), 'PT422 page_id_invalid /id', 'the id is a UUID');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"id": null}', 'a') $q$), 'PT422 page_id_invalid /id', 'null is no id');
select is(pg_temp.problem($q$ select pg_temp.create_page('[]', 'a') $q$), 'PT422 document_not_object ', 'a page is an object');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"colour": 1}', 'a') $q$), 'PT422 unknown_member /colour', 'no other members');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"version": 1}', 'a') $q$), 'PT422 unknown_member /version', 'no version');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"title": 1}', 'a') $q$), 'PT422 title_not_string /title', 'a title is a string');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"properties": []}', 'a') $q$), 'PT422 properties_not_object /properties', 'properties are an object');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": {}}', 'a') $q$), 'PT422 blocks_not_array /blocks', 'blocks are an array');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p"}, 1]}', 'a') $q$), 'PT422 block_not_object /blocks/1', 'a block is an object');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "id": "12"}]}', 'a') $q$), 'PT422 block_id_invalid /blocks/0', 'an id is no index');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "id": "-"}]}', 'a') $q$), 'PT422 block_id_invalid /blocks/0', 'nor the end of an array');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "id": "a b"}]}', 'a') $q$), 'PT422 block_id_invalid /blocks/0', 'nor has it blanks');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "id": "a"}, {"type": "p", "id": "a"}]}', 'a') $q$), 'PT422 block_id_duplicate /blocks/1', 'ids are unique');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": ""}]}', 'a') $q$), 'PT422 block_type_invalid /blocks/0', 'a type has characters');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": 1}]}', 'a') $q$), 'PT422 block_type_invalid /blocks/0', 'a type is a string');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"data": {}}]}', 'a') $q$), 'PT422 block_type_invalid /blocks/0', 'a type is needed');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "data": []}]}', 'a') $q$), 'PT422 block_data_not_object /blocks/0', 'data is an object');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"blocks": [{"type": "p", "text": "x"}]}', 'a') $q$), 'PT422 unknown_member /blocks/0', 'content is in data');
select is(pg_temp.problem($q$ select pg_temp.create_page('{', 'a') $q$), 'PT400 malformed_json', 'not JSON');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"title": "a", "title": "b"}', 'a') $q$), 'PT400 duplicate_key', 'a key twice');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"title": "\u0000"}', 'a') $q$), 'PT400 nul_character', 'NUL');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"title": "\ud800"}', 'a') $q$), 'PT400 lone_surrogate', 'half a character');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"properties": {"n": 1e999999}}', 'a') $q$), 'PT413 number_too_large', 'a number that numeric cannot hold');
select is(pg_temp.problem($q$ select pg_temp.create_page('{"properties": {"n": 1e500}}', 'a') $q$), 'PT413 number_too_large', 'a number that prints too long');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"title": "' || repeat('x', 1048576) || '"}')), 'PT413 body_too_large', 'a body of more than 1 MiB');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"properties": {"n": ' || repeat('[', 63) || repeat(']', 63) || '}}')), 'PT413 too_deep', 'deeper than 64');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"properties": {"n": ' || repeat('[', 62) || repeat(']', 62) || '}}')), 'none', '64 deep');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', repeat('[', 300000))), 'PT413 too_deep', 'deeper than the stack');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"blocks": [{"type": "p", "data": {"t": "' || repeat('x', 262144) || '"}}]}')), 'PT413 block_too_large /blocks/0', 'a block of more than 256 KB');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"blocks": [' || repeat('{"type":"p"},', 10000) || '{"type":"p"}]}')), 'PT413 too_many_blocks', 'more than 10,000 blocks');
select is(pg_temp.problem(format('select pg_temp.create_page(%L)', '{"blocks": [' || rtrim(repeat('{"type":"p","data":{"l":[' || rtrim(repeat('1e400,', 500), ',') || ']}},', 25), ',') || ']}')), 'PT413 page_too_large', 'more than 4 MiB, from a small body');
select is((select count(*)::integer from core.pages), 4, 'nothing of what failed is left');
select throws_ok($$select core.parse_body(E'{\n\n"a": tru}', 64)$$, 'PT400', 'line 3: the body is not JSON', 'the line is named, the content is not');

select * from finish();
rollback;

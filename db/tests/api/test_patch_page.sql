begin;
select plan(82);

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

select is(pg_temp.blocks(pg_temp.patch('[{"op": "move", "from": "/blocks/a", "path": "/blocks/2"}]')), 'b c a', 'a block moves, named by id, to an index');
select is(pg_temp.blocks(pg_temp.patch('[{"op": "move", "from": "/blocks/2", "path": "/blocks/b"}]')), 'a b c', 'and before another block');
select is(pg_temp.blocks(pg_temp.patch('[{"op": "move", "from": "/blocks/0", "path": "/blocks/c"}]')), 'b a c', 'also from before it');
select is(pg_temp.blocks(pg_temp.patch('[{"op": "move", "from": "/blocks/b", "path": "/blocks/-"}]')), 'a c b', 'and to the end');
select is(pg_temp.patch('[{"op": "move", "from": "/blocks/b", "path": "/blocks/2"}, {"op": "move", "from": "/blocks/a", "path": "/blocks/a"}]') ->> 'version', '5', 'a move to its own place is no new version');
select is(pg_temp.blocks(pg_temp.patch('[{"op": "add", "path": "/blocks/b", "value": {"id": "d", "type": "p"}}]')), 'a c d b', 'add before a block');
select is(
    pg_temp.patch('[{"op": "test", "path": "/blocks/d/type", "value": "p"}, {"op": "add", "path": "/blocks/d/data/text", "value": "y"}, {"op": "copy", "from": "/blocks/d/data/text", "path": "/title"}]') -> 'applied_patch',
    '[{"op": "add", "path": "/blocks/2/data/text", "value": "y"}, {"op": "add", "path": "/title", "value": "y"}]',
    'the log and the answer have the index form, without tests'
);
select is((select ops from core.page_changes where version = 7), '[{"op": "add", "path": "/blocks/2/data/text", "value": "y"}, {"op": "add", "path": "/title", "value": "y"}]', 'the log');
select is((select undo from core.page_changes where version = 7), '{"blocks": {"4": {"id": "d", "type": "p", "data": {}}}, "title": "T"}', 'pre-images of what it touched');
select is((select array_agg(ver order by no) from core.blocks), '{1,1,1,7}', 'a row says which version wrote it');
select is((select array_agg(no order by no) from core.indexing_queue), '{0,1,2,3,4}', 'changes are queued');
select isnt(pg_temp.patch('[{"op": "copy", "from": "/blocks/a", "path": "/blocks/0"}]') #>> '{document,blocks,0,id}', 'a', 'the copy of a block has an id of its own');
select is(pg_temp.patch('[{"op": "remove", "path": "/blocks/0"}]') ->> 'version', '9', 'remove');
select is((select array_agg(no order by no) from core.indexing_queue where op = 'delete'), '{5}', 'its index entry goes too');
select is(
    pg_temp.patch('[{"op": "remove", "path": "/blocks/a"}, {"op": "add", "path": "/blocks/-", "value": {"id": "a", "type": "p", "data": {"text": "x"}}}]') #>> '{document,blocks,3,id}',
    'a', 'a block taken out and put in again'
);
select is((select no from core.blocks where id = 'a'), 1, 'is the same block');
select is((select next_block_no from core.pages), 6, 'and no number is used twice');
select is(
    pg_temp.patch('[{"op": "replace", "path": "/blocks/0", "value": {"type": "h"}}]') #> '{document,blocks,0}',
    '{"id": "c", "type": "h", "data": {}}', 'a block replaced by one without an id keeps its id'
);
select is(
    pg_temp.patch('[{"op": "replace", "path": "/blocks/c", "value": {"id": "e", "type": "h"}}]') #>> '{applied_patch,0,path}',
    '/blocks/0', 'by one with another id: another block'
);
select is((select count(*)::integer from core.blocks where id = 'c'), 0, 'the old one is gone');
select is(pg_temp.blocks(pg_temp.patch('[{"op": "replace", "path": "/blocks", "value": [{"id": "b", "type": "p", "data": {"n": 1.50}}, {"id": "z", "type": "p"}]}]')), 'b z', 'all blocks replaced');
select is((select ver from core.blocks where id = 'b'), 1::bigint, 'but one that stays the same is not written');
select is(pg_temp.patch('[{"op": "replace", "path": "", "value": {"title": "W", "properties": {}, "blocks": []}}]') #- '{document,id}' -> 'document', '{"title": "W", "properties": {}, "blocks": [], "version": 14}', 'the whole document replaced');
select is(pg_temp.patch('{"title": "M", "properties": {"m": {"x": 1}}}') #> '{document,properties}', '{"m": {"x": 1}}', 'merge patch');
select is(pg_temp.patch('{"properties": {"m": {"x": null}}}') #> '{document,properties}', '{"m": {}}', 'null removes');
select is(pg_temp.patch('{"blocks": [{"id": "a", "type": "p"}, {"id": "b", "type": "p"}]}') ->> 'version', '17', 'blocks by merge patch');
select is(pg_temp.patch('[]') ->> 'version', '17', 'an empty patch changes nothing');
select is(pg_temp.patch('[{"op": "replace", "path": "/title", "value": "N"}, {"op": "replace", "path": "/title", "value": "M"}]') -> 'applied_patch', '[]', 'nor does one that undoes itself');
select is(pg_temp.patch('[]', null, 17) - 'document', '{"version": 17, "rebased": false, "base_version": 17, "server_patch": [], "applied_patch": []}', 'what a save answers');
select is(pg_temp.problem($q$ select pg_temp.patch('[]', null) $q$), 'PT428 precondition_required', 'no precondition');
select is(pg_temp.patch('[]', '16') ->> 'code', 'version_mismatch', 'a stale If-Match');
select is(pg_temp.patch('[]', '') ->> 'code', 'version_mismatch', 'an If-Match that names none');
select is(pg_temp.problem($q$ select pg_temp.patch('[]', '3,17') $q$), 'none', 'one of several');
select is(pg_temp.patch('[]', '16', 17) ->> 'code', 'version_mismatch', 'If-Match wins over base_version');
select is(pg_temp.patch('[]', null, 16) - array['document', 'server_patch'], '{"version": 17, "rebased": true, "base_version": 16, "applied_patch": []}', 'a stale base_version is rebased');
select is(pg_temp.problem($q$ select pg_temp.patch('[]', null, 18) $q$), 'PT422 version_unknown', 'a base_version to come');
select is(pg_temp.problem($q$ select pg_temp.patch('[]', '*', null, 'b') $q$), 'PT403 role_required', 'a viewer');
select is(pg_temp.problem($q$ select pg_temp.patch('[]', '*', null, 'c') $q$), 'PT404 workspace_not_found', 'a stranger');
select is(
    pg_temp.patch('[{"op": "replace", "path": "/title", "value": "Z"}]', '16') - 'server_patch',
    '{"code": "version_mismatch", "detail": "the page is at version 17: read it again and repeat your change", "current_version": 17, "base_version": 16,
        "conflicts": [], "rebased_patch": [{"op": "replace", "path": "/title", "value": "Z"}]}',
    'the answer to a stale If-Match has what is needed to resolve it'
);
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "test", "path": "/title", "value": "M"}, {"op": "remove", "path": "/blocks/2"}]') $q$), 'PT422 patch_index_out_of_range 1 /blocks/2', 'past the end');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/-"}]') $q$), 'PT422 patch_index_out_of_range 0 /blocks/-', 'no block is at the end');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/01"}]') $q$), 'PT422 patch_index_invalid 0 /blocks/01', 'no leading zeros');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/blocks/3", "value": {"type": "p"}}]') $q$), 'PT422 patch_index_out_of_range 0 /blocks/3', 'no gaps');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/99999999999999999999"}]') $q$), 'PT422 patch_index_out_of_range 0 /blocks/99999999999999999999', 'no overflow');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/nobody"}]') $q$), 'PT422 block_not_found 0 /blocks/nobody', 'no such id');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "replace", "path": "/blocks/a/data/text", "value": 1}]') $q$), 'PT422 patch_path_missing 0 /blocks/a/data/text', 'the pointer as it was sent');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "replace", "path": "/blocks/0/id", "value": "x"}]') $q$), 'PT422 block_id_immutable 0 /blocks/0/id', 'ids stay');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/0/id"}]') $q$), 'PT422 block_id_immutable 0 /blocks/0/id', 'ids are not removed');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "replace", "path": "/blocks/0/id", "value": "a"}]') $q$), 'none', 'unless nothing changes');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/1/data"}]') $q$), 'PT422 block_data_not_object /blocks/1', 'data is needed');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks/1/data"}, {"op": "add", "path": "/blocks/1/data", "value": {}}]') $q$), 'none', 'in the end');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/blocks/1/colour", "value": 1}]') $q$), 'PT422 unknown_member /blocks/1', 'no other members of a block');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/colour", "value": 1}]') $q$), 'PT422 unknown_member /colour', 'nor of a page');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/title"}]') $q$), 'PT422 member_missing /title', 'the title is needed');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "replace", "path": "/title", "value": 1}]') $q$), 'PT422 title_not_string /title', 'a string');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": "/blocks"}]') $q$), 'PT422 patch_root_removed 0 /blocks', 'blocks are not removed');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "remove", "path": ""}]') $q$), 'PT422 patch_root_removed 0 ', 'nor is all');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/blocks/0", "value": {"id": "b", "type": "p"}}]') $q$), 'PT422 block_id_duplicate /blocks/2', 'ids are unique');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/blocks/0", "value": {"id": "b", "type": "p"}}, {"op": "remove", "path": "/blocks/2"}]') $q$), 'none', 'in the end');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "/blocks/0", "value": 1}]') $q$), 'PT422 block_not_object 0 /blocks/0', 'a block is an object');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "test", "path": "/blocks/0", "value": {"id": "b", "type": "q", "data": {}}}]') $q$), 'PT422 patch_test_failed 0 /blocks/0', 'a test of a block');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "test", "path": "/blocks", "value": []}]') $q$), 'PT422 patch_test_failed 0 /blocks', 'a test of all');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "test", "path": "/blocks/b", "value": {"id": "b", "type": "p", "data": {}}}]') $q$), 'none', 'a test that holds');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "move", "from": "/blocks/0", "path": "/blocks/0/data/x"}]') $q$), 'PT422 patch_move_into_itself 0 /blocks/0/data/x', 'a block into itself');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "move", "from": "/blocks/0", "path": "/blocks/b/data/x"}]') $q$), 'PT422 patch_move_into_itself 0 /blocks/b/data/x', 'nor by its other name');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "move", "from": "/properties", "path": "/properties/x"}]') $q$), 'PT422 patch_move_into_itself 0 /properties/x', 'properties into themselves');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "copy", "from": "/properties/none", "path": "/blocks/0/data/x"}]') $q$), 'PT422 patch_path_missing 0 /blocks/0/data/x', 'nothing to copy');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "replace", "path": "", "value": {"title": "", "properties": {}}}]') $q$), 'PT422 member_missing 0 ', 'a document without blocks');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "jump", "path": ""}]') $q$), 'PT400 malformed_patch 0', 'no such operation');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "path": "title", "value": 1}]') $q$), 'PT400 malformed_patch 0', 'no pointer');
select is(pg_temp.problem($q$ select pg_temp.patch(' [1') $q$), 'PT400 malformed_json', 'not JSON');
select is(pg_temp.problem($q$ select pg_temp.patch('[{"op": "add", "op": "test", "path": "/title", "value": 1}]') $q$), 'PT400 duplicate_key', 'a key twice');
select is(pg_temp.problem($q$ select pg_temp.patch('{"blocks": null}') $q$), 'PT422 member_missing /blocks', 'a merge patch cannot remove blocks');
select is(pg_temp.problem($q$ select pg_temp.patch('{"title": null}') $q$), 'PT422 member_missing /title', 'nor the title');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[' || rtrim(repeat('{"op": "test", "path": "/title", "value": "M"},', 1001), ',') || ']')), 'PT413 too_many_operations', 'more than 1000 operations');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[' || rtrim(repeat('{"op": "add", "path": "/blocks", "value": []},', 17), ',') || ']')), 'PT413 too_many_operations 16 /blocks', 'more than 16 on the whole document');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[{"op": "add", "path": "/blocks/0/data/x", "value": "' || repeat('x', 300000) || '"}]')), 'PT413 block_too_large /blocks/0', 'a block of more than 256 KB');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[{"op": "add", "path": "/properties/x", "value": ["xxxxxxxxxxxxxxxx"]}' || repeat(', {"op": "copy", "from": "/properties/x", "path": "/properties/x/-"}', 30) || ']')), 'PT413 copy_too_large 16 /properties/x/-', 'copies of copies');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[{"op": "add", "path": "/blocks/0/data/x", "value": ' || repeat('[', 62) || repeat(']', 62) || '}]')), 'PT413 too_deep', 'deeper than 64 on the page');
select is(pg_temp.problem(format('select pg_temp.patch(%L)', '[{"op": "add", "path": "/' || repeat('x', 2048) || '", "value": 1}]')), 'PT413 pointer_too_long 0', 'a pointer of more than 2 KB');
select is((select version from core.pages), 18::bigint, 'nothing of what failed is left');
select is((select count(*)::integer from core.page_changes), 18, 'nor in the log');

select * from finish();
rollback;

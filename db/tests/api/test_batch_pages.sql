begin;
select plan(60);

insert into core.workspaces (id, name, created_at)
values ('00000000-0000-0000-0000-000000000001', 'w', now()), ('00000000-0000-0000-0000-000000000002', 'v', now());
insert into core.users (id, name, created_at)
select id::uuid, name, now()
from (values
    ('00000000-0000-0000-0000-00000000000a', 'editor'), ('00000000-0000-0000-0000-00000000000b', 'viewer'),
    ('00000000-0000-0000-0000-00000000000c', 'stranger')
) as given (id, name);
insert into core.workspace_members (workspace_id, user_id, role, created_at)
select workspaces.id as workspace_id, users.id as user_id, users.name as role, now() from core.workspaces, core.users where users.name <> 'stranger';
-- pages aa, bb and cc of one workspace, dd of the other
select api.create_page(
    ('00000000-0000-0000-0000-00000000000' || case page when 'dd' then '2' else '1' end)::uuid,
    '00000000-0000-0000-0000-00000000000a',
    format('{"id": "00000000-0000-0000-0000-0000000000%s", "title": "%s", "blocks": [{"id": "a", "type": "p"}]}', page, page),
    100::smallint
)
from unnest('{aa,bb,cc,dd}'::text[]) as page;

-- pages by their last two digits
create function pg_temp.batch(p_batch text, p_actor text default 'a', p_return text default null) returns jsonb language sql as $$
    select replace(made.body, '00000000-0000-0000-0000-0000000000', '')::jsonb || jsonb_build_object('answer', made.status)
    from api.batch_pages(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid,
        regexp_replace(p_batch, '"(aa|bb|cc|dd|ee)"', '"00000000-0000-0000-0000-0000000000\1"', 'g'), 100::smallint, p_return
    ) as made
$$;
create function pg_temp.versions() returns text language sql as $$
    select string_agg(version::text, ' ' order by id) || ', ' || (select count(*) from core.page_changes) from core.pages
$$;
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
    return concat_ws(' ', v_state, nullif(v_slug, ''), nullif(v_detail, '')::jsonb ->> 'index', nullif(v_detail, '')::jsonb ->> 'pointer');
end;
$$;
create function pg_temp.refused(p_batch text) returns text language sql as $$
    select pg_temp.problem(format('select pg_temp.batch(%L)', p_batch))
$$;

select is(
    pg_temp.batch('{"patches": [{"page_id": "bb", "base_version": 1, "patch": [{"op": "replace", "path": "/title", "value": "B"}]}, {"page_id": "aa", "if_match": "\"1\"", "merge": {"title": "A"}}]}'),
    '{"answer": 200, "results": [
        {"page_id": "bb", "status": 200, "version": 2, "rebased": false, "base_version": 1, "server_patch": [], "applied_patch": [{"op": "replace", "path": "/title", "value": "B"}]},
        {"page_id": "aa", "status": 200, "version": 2, "rebased": false, "base_version": 1, "server_patch": [], "applied_patch": [{"op": "replace", "path": "/title", "value": "A"}]}]}',
    'patches of two pages, answered in the order sent'
);
select is(pg_temp.versions(), '2 2 1 1, 6', 'each is a version');
select is(
    pg_temp.batch('{"atomic": true, "patches": [{"page_id": "cc", "if_match": "*", "merge": {"title": "C"}}, {"page_id": "aa", "base_version": 1, "patch": [{"op": "add", "path": "/blocks/-", "value": {"id": "b", "type": "p"}}]}]}', p_return => 'minimal'),
    '{"answer": 200, "results": [{"page_id": "cc", "status": 200, "version": 2, "rebased": false, "base_version": 1}, {"page_id": "aa", "status": 200, "version": 3, "rebased": true, "base_version": 1}]}',
    'one of them rebased; without patches for minimal'
);
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "W/\"3\"", "merge": {"title": "AA"}}]}', p_return => 'representation') #>> '{results,0,document,title}', 'AA', 'with the document for representation; a weakened ETag counts');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "4", "merge": {"title": "AA"}}]}') #>> '{results,0,version}', '4', 'what changes nothing is no version');
select is(pg_temp.versions(), '4 2 2 1, 9', 'so far');

-- one page twice
select is(
    (select jsonb_agg(result - '{applied_patch,server_patch}'::text[]) from jsonb_array_elements(pg_temp.batch('{"patches": [
        {"page_id": "bb", "base_version": 2, "patch": [{"op": "replace", "path": "/title", "value": "B3"}]},
        {"page_id": "aa", "if_match": "*", "patch": [{"op": "replace", "path": "/title", "value": "A5"}]},
        {"page_id": "bb", "base_version": 2, "patch": [{"op": "add", "path": "/blocks/0", "value": {"id": "n", "type": "p"}}]}]}') -> 'results') as result),
    '[{"page_id": "bb", "status": 200, "version": 3, "rebased": false, "base_version": 2}, {"page_id": "aa", "status": 200, "version": 5, "rebased": false, "base_version": 4},
        {"page_id": "bb", "status": 200, "version": 4, "rebased": true, "base_version": 2}]',
    'two patches of one page are saved in their order, the second rebased on the first'
);
select is(
    pg_temp.batch('{"patches": [{"page_id": "bb", "if_match": "4", "merge": {"title": "B5"}}, {"page_id": "bb", "if_match": "4", "merge": {"title": "B6"}}]}') - '{detail,server_patch}'::text[],
    '{"answer": 412, "code": "version_mismatch", "index": 1, "page_id": "bb", "current_version": 5, "base_version": 4, "rebased_patch": [],
        "conflicts": [{"kind": "write_write", "pointer": "/title", "yours": "B6", "theirs": "B5"}]}',
    'two with one If-Match: the second is refused'
);
select is(pg_temp.versions(), '5 4 2 1, 12', 'and the first undone');

-- all or nothing
select is(
    pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "merge": {"title": "no"}}, {"page_id": "cc", "if_match": "*", "merge": {"title": "no"}}, {"page_id": "bb", "base_version": 3, "patch": [{"op": "replace", "path": "/blocks/0/type", "value": "q"}, {"op": "remove", "path": "/blocks/n"}]}]}'),
    '{"answer": 422, "code": "block_not_found", "detail": "operation 1: the page has no block with the id \"n\"", "index": 2, "page_id": "bb", "operation": 1, "op": "remove", "pointer": "/blocks/n"}',
    'the refusal of one is that of the batch, with its index and page'
);
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "merge": {"title": "no"}}, {"page_id": "bb", "base_version": 2, "patch": [{"op": "replace", "path": "/title", "value": "no"}]}]}') - '{detail,server_patch,rebased_patch}'::text[], '{"answer": 409, "code": "version_conflict", "index": 1, "page_id": "bb", "base_version": 2, "current_version": 4, "conflicts": [{"operation": 0, "path": "/title", "kind": "write_write", "pointer": "/title", "yours": "no", "theirs": "B3"}]}', 'a conflict has both sides');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "merge": {"title": "no"}}, {"page_id": "dd", "if_match": "*", "patch": []}]}') - 'detail', '{"answer": 404, "code": "page_not_found", "index": 1, "page_id": "dd"}', 'a page of another workspace is not there');
select is(pg_temp.batch('{"patches": [{"page_id": "ee", "if_match": "*", "patch": []}]}') - 'detail', '{"answer": 404, "code": "page_not_found", "index": 0, "page_id": "ee"}', 'like one that is nowhere');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "patch": [{"op": "jump", "path": ""}]}]}') - 'detail', '{"answer": 400, "code": "malformed_patch", "index": 0, "page_id": "aa", "operation": 0, "member": "op"}', 'what is no patch is malformed');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "patch": {"op": "jump", "path": ""}}]}') ->> 'answer', '400', 'an object instead of operations too');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "base_version": 6, "patch": []}]}') - 'detail', '{"answer": 422, "code": "version_unknown", "index": 0, "page_id": "aa", "current_version": 5}', 'a version to come');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "", "patch": []}]}') ->> 'code', 'version_mismatch', 'an If-Match that names none');
select is(pg_temp.batch(format('{"patches": [{"page_id": "aa", "if_match": "*", "patch": [%s]}]}', rtrim(repeat('{"op": "test", "path": "/title", "value": "A5"},', 1001), ','))) - 'detail', '{"answer": 413, "code": "too_many_operations", "index": 0, "page_id": "aa", "limit": 1000, "operations": 1001}', 'a limit');
select is(pg_temp.versions(), '5 4 2 1, 12', 'nothing of these was written');
select is((select count(*) from core.blocks where type = 'q'), 0::bigint, 'nor of the patch that failed');

-- each for itself
select is(
    (select jsonb_agg(result - '{detail,server_patch,rebased_patch,applied_patch}'::text[]) from jsonb_array_elements(pg_temp.batch('{"atomic": false, "patches": [
        {"page_id": "cc", "if_match": "*", "merge": {"title": "C3"}},
        {"page_id": "dd", "if_match": "*", "merge": {"title": "no"}},
        {"page_id": "bb", "base_version": 2, "patch": [{"op": "replace", "path": "/title", "value": "no"}]},
        {"page_id": "aa", "if_match": "1", "merge": {"title": "A5"}},
        {"page_id": "aa", "if_match": "5", "patch": [{"op": "remove", "path": "/blocks/z"}]},
        {"page_id": "aa", "base_version": 5, "merge": {"properties": {"x": 1}}}]}') -> 'results') as result),
    '[{"page_id": "cc", "status": 200, "version": 3, "rebased": false, "base_version": 2},
        {"page_id": "dd", "status": 404, "code": "page_not_found"},
        {"page_id": "bb", "status": 409, "code": "version_conflict", "base_version": 2, "current_version": 4, "conflicts": [{"operation": 0, "path": "/title", "kind": "write_write", "pointer": "/title", "yours": "no", "theirs": "B3"}]},
        {"page_id": "aa", "status": 412, "code": "version_mismatch", "base_version": 1, "current_version": 5, "conflicts": []},
        {"page_id": "aa", "status": 422, "code": "block_not_found", "operation": 0, "op": "remove", "pointer": "/blocks/z"},
        {"page_id": "aa", "status": 200, "version": 6, "rebased": false, "base_version": 5}]',
    'not atomic: each has its own answer, in the order sent'
);
select is(pg_temp.versions(), '6 4 3 1, 14', 'what can be saved is');
select is(pg_temp.batch('{"atomic": false, "patches": [{"page_id": "dd", "if_match": "*", "patch": []}]}') ->> 'answer', '200', 'even when nothing can');

-- what is no batch
select is(pg_temp.refused('{"patches": ['), 'PT400 malformed_json', 'not JSON');
select is(pg_temp.refused('{"patches": [], "patches": []}'), 'PT400 duplicate_key', 'a key twice');
select is(pg_temp.refused('[]'), 'PT422 batch_malformed ', 'not an object');
select is(pg_temp.refused('{}'), 'PT422 batch_malformed ', 'without patches');
select is(pg_temp.refused('{"patches": {}}'), 'PT422 batch_malformed ', 'patches that are no array');
select is(pg_temp.refused('{"patches": [{"page_id": "aa", "if_match": "*", "patch": []}], "atomic": 1}'), 'PT422 batch_malformed ', 'atomic is true or false');
select is(pg_temp.refused('{"patches": [{"page_id": "aa", "if_match": "*", "patch": []}], "atomic": null}'), 'PT422 batch_malformed ', 'not null');
select is(pg_temp.refused('{"patches": [{"page_id": "aa", "if_match": "*", "patch": []}], "colour": 1}'), 'PT422 batch_malformed ', 'another member');
select is(pg_temp.refused('{"patches": []}'), 'PT422 batch_malformed /patches', 'without any patch');
select is(pg_temp.refused('{"patches": [' || repeat('{"page_id": "aa", "if_match": "*", "patch": []},', 100) || '{"page_id": "aa", "if_match": "*", "patch": []}]}'), 'PT413 too_many_patches /patches', '101 patches');
select is(pg_temp.refused('{"patches": [' || repeat('{"page_id": "aa", "if_match": "*", "patch": []},', 99) || '{"page_id": "aa", "if_match": "*", "patch": []}]}'), 'none', '100 are not too many');
select is(pg_temp.refused('{"patches": [' || format('{"page_id": "aa", "if_match": "*", "patch": []}, %s]}', item)), 'PT422 batch_malformed 1 /patches/1' || pointer, what)
from (values
    ('1', '', 'a number'),
    ('[]', '', 'an array'),
    ('{"if_match": "*", "patch": []}', '/page_id', 'no page_id'),
    ('{"page_id": 1, "if_match": "*", "patch": []}', '/page_id', 'a page_id that is no string'),
    ('{"page_id": "a", "if_match": "*", "patch": []}', '/page_id', 'nor a UUID'),
    ('{"page_id": null, "if_match": "*", "patch": []}', '/page_id', 'null'),
    ('{"page_id": "aa", "patch": []}', '/base_version', 'neither base_version nor if_match'),
    ('{"page_id": "aa", "base_version": 1, "if_match": "*", "patch": []}', '/base_version', 'both'),
    ('{"page_id": "aa", "base_version": "1", "patch": []}', '/base_version', 'a base_version that is no number'),
    ('{"page_id": "aa", "base_version": 1.5, "patch": []}', '/base_version', 'nor whole'),
    ('{"page_id": "aa", "base_version": 1e30, "patch": []}', '/base_version', 'nor small enough'),
    ('{"page_id": "aa", "base_version": null, "patch": []}', '/base_version', 'null'),
    ('{"page_id": "aa", "if_match": 1, "patch": []}', '/if_match', 'an if_match that is no string'),
    ('{"page_id": "aa", "if_match": ["*"], "patch": []}', '/if_match', 'a list'),
    ('{"page_id": "aa", "if_match": "*"}', '/patch', 'neither patch nor merge'),
    ('{"page_id": "aa", "if_match": "*", "patch": [], "merge": {}}', '/patch', 'both'),
    ('{"page_id": "aa", "if_match": "*", "patch": [], "colour": 1}', '', 'another member')
) as bad (item, pointer, what);
select is(pg_temp.refused('{"patches": [{"page_id": "aa", "if_match": "*", "merge": {"properties": ' || repeat('{"x": ', 70) || '1' || repeat('}', 70) || '}}]}'), 'PT413 too_deep', 'too deep');
select is(pg_temp.versions(), '6 4 3 1, 14', 'nothing of these was written');
select matches(pg_temp.batch('{"patches": [{"page_id": "aa", "base_version": 2, "merge": {"properties": {"x": 12345678901234567890.123}}}, {"page_id": "bb", "if_match": "*", "patch": []}]}')::text, '12345678901234567890\.123', 'numbers keep their digits');

select pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "merge": {"title": "old"}}]}');
select api.delete_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-0000000000aa', '{*}');
select is(pg_temp.batch('{"patches": [{"page_id": "aa", "if_match": "*", "patch": []}]}') ->> 'code', 'page_not_found', 'a deleted page');
select is(pg_temp.problem($q$ select pg_temp.batch('{"patches": [{"page_id": "bb", "if_match": "*", "patch": []}]}', 'b') $q$), 'PT403 role_required', 'a viewer');
select is(pg_temp.problem($q$ select pg_temp.batch('{"patches": [{"page_id": "bb", "if_match": "*", "patch": []}]}', 'c') $q$), 'PT404 workspace_not_found', 'a stranger');
create function pg_temp.fail() returns trigger language plpgsql as $$
begin
    raise exception 'fault' using errcode = '40P01';
end;
$$;
create trigger fail before update on core.pages for each row execute function pg_temp.fail();
select is(pg_temp.refused('{"atomic": false, "patches": [{"page_id": "bb", "if_match": "*", "merge": {"title": "F"}}]}'), '40P01', 'a deadlock is no answer of one patch');
select ok(has_function_privilege('quire_api', 'api.batch_pages(uuid, uuid, text, smallint, text, text)', 'execute'), 'for the API''s role');
select ok(not has_function_privilege('quire_api', 'core.batch_pages(uuid, uuid, text, smallint, text)', 'execute'), 'by api only');

select * from finish();
rollback;

-- Idempotency-Key: a write is made once, and answered as it was the first time.
begin;
select plan(64);

insert into core.workspaces (id, name, created_at)
values ('00000000-0000-0000-0000-000000000001', 'w', now()), ('00000000-0000-0000-0000-000000000002', 'v', now());
insert into core.users (id, name, created_at)
select id::uuid, name, now()
from (values
    ('00000000-0000-0000-0000-00000000000a', 'editor'), ('00000000-0000-0000-0000-00000000000b', 'owner'),
    ('00000000-0000-0000-0000-00000000000c', 'viewer'), ('00000000-0000-0000-0000-00000000000d', 'stranger')
) as given (id, name);
insert into core.workspace_members (workspace_id, user_id, role, created_at)
select workspaces.id as workspace_id, users.id as user_id, users.name as role, now() from core.workspaces, core.users where users.name <> 'stranger';
set local quire.fake_now = '2026-01-01 00:00:00+00';

-- A write by its short name; pages, users and workspaces by the last digits of their ids.
create function pg_temp.ask(
    p_call text, p_key text, p_text text default '', p_match text default '*', p_page text default '00aa',
    p_actor text default 'a', p_workspace text default '1', p_return text default null, p_base bigint default null
) returns text language plpgsql as $$
declare
    v_workspace uuid := '00000000-0000-0000-0000-00000000000' || p_workspace;
    v_actor uuid := '00000000-0000-0000-0000-00000000000' || p_actor;
    v_page uuid := '00000000-0000-0000-0000-00000000' || p_page;
    v_made record;
begin
    case p_call
        when 'create' then
            select * into v_made from api.create_page(v_workspace, v_actor, p_text, 100::smallint, p_return, p_key);
        when 'put' then
            select * into v_made from api.put_page(
                v_workspace, v_actor, v_page, string_to_array(p_match, ','), p_base, p_text, 100::smallint, p_return, p_key
            );
        when 'patch' then
            select * into v_made from api.patch_page(
                v_workspace, v_actor, v_page, string_to_array(p_match, ','), p_base, p_text, 'patch', 100::smallint,
                p_return, p_key
            );
        when 'delete' then
            select * into v_made from api.delete_page(v_workspace, v_actor, v_page, string_to_array(p_match, ','), p_key);
        when 'batch' then
            select * into v_made from api.batch_pages(v_workspace, v_actor, p_text, 100::smallint, p_return, p_key);
    end case;
    return concat_ws(' ', case when v_made.replayed then 'again' else 'made' end, v_made.status, v_made.page_id,
        v_made.version, v_made.blocks, v_made.body);
end;
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name;
    return concat_ws(' ', v_state, nullif(v_slug, ''));
end;
$$;
create function pg_temp.writes() returns bigint language sql as $$ select count(*) from core.page_changes $$;
create temporary table seen (call text primary key, answer text);

-- each write, then the same again
insert into seen values ('create', pg_temp.ask('create', 'k1', '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"n": 12345678901234567890.123}, "blocks": [{"id": "a", "type": "p", "data": {}}]}'));
select matches((select answer from seen where call = 'create'), '^made 201 00000000-0000-0000-0000-0000000000aa 1 1 \{.*12345678901234567890\.123', 'a page is made');
select is(pg_temp.ask('create', 'k1', '{"id": "00000000-0000-0000-0000-0000000000aa", "title": "T", "properties": {"n": 12345678901234567890.123}, "blocks": [{"id": "a", "type": "p", "data": {}}]}'), (select replace(answer, 'made', 'again') from seen where call = 'create'), 'once, and answered as it was');
select is(pg_temp.writes(), 1::bigint, 'nothing is written');
insert into seen values ('patch', pg_temp.ask('patch', 'k2', '[{"op": "add", "path": "/blocks/-", "value": {"type": "p"}}]'));
select matches((select answer from seen where call = 'patch'), '^made 200 00000000-0000-0000-0000-0000000000aa 2 2 .*applied_patch', 'a patch is saved');
select is(pg_temp.ask('patch', 'k2', '[{"op": "add", "path": "/blocks/-", "value": {"type": "p"}}]'), (select replace(answer, 'made', 'again') from seen where call = 'patch'), 'once, with the id that the server gave the block');
select is(pg_temp.writes(), 2::bigint, 'nothing is written');
insert into seen values ('put', pg_temp.ask('put', 'k3', '{"title": "P", "properties": {}, "blocks": []}', p_return => 'representation'));
select matches((select answer from seen where call = 'put'), '^made 200 00000000-0000-0000-0000-0000000000aa 3 0 .*"document"', 'a document is saved');
select is(pg_temp.ask('put', 'k3', '{"title": "P", "properties": {}, "blocks": []}', p_return => 'representation'), (select replace(answer, 'made', 'again') from seen where call = 'put'), 'once');
select is(pg_temp.writes(), 3::bigint, 'nothing is written');
insert into seen values ('batch', pg_temp.ask('batch', 'k4', '{"patches": [{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": "3", "merge": {"title": "B"}}]}'));
select matches((select answer from seen where call = 'batch'), '^made 200 \{"results"', 'a batch is saved');
select is(pg_temp.ask('batch', 'k4', '{"patches": [{"page_id": "00000000-0000-0000-0000-0000000000aa", "if_match": "3", "merge": {"title": "B"}}]}'), (select replace(answer, 'made', 'again') from seen where call = 'batch'), 'once');
select is(pg_temp.writes(), 4::bigint, 'nothing is written');
select is(pg_temp.ask('delete', 'k5', p_match => '4'), 'made 204 00000000-0000-0000-0000-0000000000aa 5 0', 'a page is deleted');
select is(pg_temp.ask('delete', 'k5', p_match => '4'), 'again 204 00000000-0000-0000-0000-0000000000aa 5 0', 'once');
select is(pg_temp.writes(), 5::bigint, 'nothing is written');
select is(pg_temp.ask('patch', 'k2', '[{"op": "add", "path": "/blocks/-", "value": {"type": "p"}}]'), (select replace(answer, 'made', 'again') from seen where call = 'patch'), 'the answer to an earlier write is what it was, even of a page that is gone');

-- the same key with another request
select pg_temp.ask('create', null, '{"id": "00000000-0000-0000-0000-0000000000bb", "title": "U"}');
select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', p_page => '00bb');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "W"}]', p_page => '00bb') $q$), 'PT422 idempotency_key_reused', 'another body');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', p_page => '00aa') $q$), 'PT422 idempotency_key_reused', 'another page');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', '2', p_page => '00bb') $q$), 'PT422 idempotency_key_reused', 'another If-Match');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', null, p_page => '00bb', p_base => 1) $q$), 'PT422 idempotency_key_reused', 'a base_version');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', p_page => '00bb', p_return => 'minimal') $q$), 'PT422 idempotency_key_reused', 'another form of answer');
select is(pg_temp.problem($q$ select pg_temp.ask('put', 'k6', '[{"op": "replace", "path": "/title", "value": "V"}]', p_page => '00bb') $q$), 'PT422 idempotency_key_reused', 'another method');
select is(pg_temp.problem($q$ select pg_temp.ask('delete', 'k6', p_page => '00bb') $q$), 'PT422 idempotency_key_reused', 'a deletion');
select is(pg_temp.problem($q$ select pg_temp.ask('create', 'k6', '{}') $q$), 'PT422 idempotency_key_reused', 'a creation');
select is(pg_temp.problem($q$ select pg_temp.ask('batch', 'k6', '{}') $q$), 'PT422 idempotency_key_reused', 'a batch');
select is((select version from core.pages where title = 'V'), 2::bigint, 'none of them wrote');

-- refusals are answers too, and kept
select matches(pg_temp.ask('patch', 'r1', '[{"op": "remove", "path": "/blocks/n"}]', p_page => '00bb'), '^made 422 \{.*"code": "block_not_found".*\}$', 'a patch that does not apply');
select pg_temp.ask('patch', null, '[{"op": "add", "path": "/blocks/-", "value": {"id": "n", "type": "p"}}]', p_page => '00bb');
select is(pg_temp.ask('patch', 'r1', '[{"op": "remove", "path": "/blocks/n"}]', p_page => '00bb')::text, 'again 422 ' || (select body from core.idempotency_keys where key = 'r1'), 'stays refused, though it would apply now');
select is((select body::jsonb from core.idempotency_keys where key = 'r1'), '{"code": "block_not_found", "detail": "operation 0: the page has no block with the id \"n\"", "operation": 0, "op": "remove", "pointer": "/blocks/n"}', 'with all that the problem says');
select matches(pg_temp.ask('patch', 'r2', '[{"op": "replace", "path": "/title", "value": "X"}]', null, p_page => '00bb', p_base => 1), '^made 409 00000000-0000-0000-0000-0000000000bb 3 \{.*"code": "version_conflict"', 'a conflict');
select matches(pg_temp.ask('patch', 'r2', '[{"op": "replace", "path": "/title", "value": "X"}]', null, p_page => '00bb', p_base => 1), '^again 409 00000000-0000-0000-0000-0000000000bb 3 \{.*"code": "version_conflict"', 'stays one');
select matches(pg_temp.ask('patch', 'r3', '[]', '1', p_page => '00bb'), '^made 412 .*"code": "version_mismatch"', 'a stale If-Match');
select matches(pg_temp.ask('patch', 'r3', '[]', '1', p_page => '00bb'), '^again 412 .*"code": "version_mismatch"', 'too');
select matches(pg_temp.ask('delete', 'r4', p_match => '1', p_page => '00bb'), '^made 412 .*"current_version": 3', 'of a deletion');
select matches(pg_temp.ask('delete', 'r4', p_match => '1', p_page => '00bb'), '^again 412 .*"current_version": 3', 'too');
select matches(pg_temp.ask('patch', 'r5', '[]', null, p_page => '00bb'), '^made 428 .*"code": "precondition_required"', 'no precondition');
select matches(pg_temp.ask('patch', 'r5', '[]', null, p_page => '00bb'), '^again 428 .*"code": "precondition_required"', 'too');
select matches(pg_temp.ask('patch', 'r6', '[1', p_page => '00bb'), '^made 400 .*"code": "malformed_json"', 'no JSON');
select matches(pg_temp.ask('patch', 'r6', '[1', p_page => '00bb'), '^again 400 .*"code": "malformed_json"', 'too');
select matches(pg_temp.ask('patch', 'r7', '[]', p_page => '00cc'), '^made 404 .*"code": "page_not_found"', 'no such page');
select matches(pg_temp.ask('patch', 'r7', '[]', p_page => '00cc'), '^again 404 .*"code": "page_not_found"', 'too');
select matches(pg_temp.ask('create', 'r8', '{"id": "00000000-0000-0000-0000-0000000000bb"}'), '^made 409 .*"code": "page_exists"', 'an id that is taken');
select matches(pg_temp.ask('create', 'r8', '{"id": "00000000-0000-0000-0000-0000000000bb"}'), '^again 409 .*"code": "page_exists"', 'too');
select matches(pg_temp.ask('patch', 'r9', '[]', p_page => '00bb', p_actor => 'c'), '^made 403 .*"code": "role_required"', 'a viewer');
select matches(pg_temp.ask('batch', 'r10', '{"patches": [{"page_id": "00000000-0000-0000-0000-0000000000bb", "if_match": "1", "patch": []}]}'), '^made 412 .*"index": 0', 'a batch');
select matches(pg_temp.ask('batch', 'r10', '{"patches": [{"page_id": "00000000-0000-0000-0000-0000000000bb", "if_match": "1", "patch": []}]}'), '^again 412 .*"index": 0', 'too');
select is((select version from core.pages where title = 'V'), 3::bigint, 'refusals leave nothing behind');

-- faults are not kept
create function pg_temp.fail() returns trigger language plpgsql as $$
begin
    raise exception 'fault' using errcode = current_setting('test.state');
end;
$$;
create trigger fail before update on core.pages for each row execute function pg_temp.fail();
set local test.state = '40P01';
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "F"}]', p_page => '00bb') $q$), '40P01', 'a deadlock comes out as one');
set local test.state = 'XX000';
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "F"}]', p_page => '00bb') $q$), 'XX000', 'a fault of the service too');
set local test.state = 'PT503';
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "F"}]', p_page => '00bb') $q$), 'PT503', 'and a 5xx that a function raises');
select is((select count(*) from core.idempotency_keys where key = 'f1'), 0::bigint, 'nothing is kept of them');
drop trigger fail on core.pages;
select matches(pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "F"}]', p_page => '00bb'), '^made 200 ', 'the repeated request does the write');

-- 24 hours
set local quire.fake_now = '2026-01-02 00:00:00+00';
select matches(pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "F"}]', p_page => '00bb'), '^again 200 ', 'is kept for 24 hours');
set local quire.fake_now = '2026-01-02 00:00:01+00';
select matches(pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "G"}]', p_page => '00bb'), '^made 200 00000000-0000-0000-0000-0000000000bb 5 ', 'then the key is free, for any request');
select matches(pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "G"}]', p_page => '00bb'), '^again 200 00000000-0000-0000-0000-0000000000bb 5 ', 'and kept anew');

-- whose it is
select matches(pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "H"}]', p_page => '00bb', p_actor => 'b'), '^made 200 00000000-0000-0000-0000-0000000000bb 6 ', 'another user has keys of her own');
select matches(pg_temp.ask('create', 'f1', '{}', p_workspace => '2'), '^made 201 ', 'another workspace too');
select is(pg_temp.problem($q$ select pg_temp.ask('patch', 'f1', '[{"op": "replace", "path": "/title", "value": "G"}]', p_page => '00bb', p_actor => 'd') $q$), 'PT404 workspace_not_found', 'a stranger learns nothing');
select is((select count(*) from core.idempotency_keys where user_id = '00000000-0000-0000-0000-00000000000d'), 0::bigint, 'and leaves nothing');

-- keys
select is(pg_temp.problem($q$ select pg_temp.ask('create', '', '{}') $q$), 'PT400 idempotency_key_invalid', 'an empty key');
select is(pg_temp.problem(format($q$ select pg_temp.ask('create', %L, '{}') $q$, repeat('k', 256))), 'PT400 idempotency_key_invalid', 'one of 256 characters');
select matches(pg_temp.ask('create', repeat('k', 255), '{}'), '^made 201 ', 'one of 255');
select is((select count(*) from core.idempotency_keys where status is null), 0::bigint, 'every row has its answer');
select ok(not has_table_privilege('quire_api', 'core.idempotency_keys', 'select'), 'the API''s role reads no keys');

select * from finish();
rollback;

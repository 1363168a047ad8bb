-- ops.add_reader, ops.remove_reader, and what analysts see by direct SQL.
begin;
select plan(39);

create role quire_test_ann login in role quire_analyst;
create role quire_test_ben login in role quire_analyst;
create role quire_test_team nologin in role quire_analyst;
create role quire_test_cem login in role quire_test_team;
create role quire_test_eve login;
create temporary table made as
select ops.create_workspace('a') as a, ops.create_workspace('b') as b, ops.create_user('u') as user_id;
grant select on made to public;
select ops.add_member(a, user_id, 'owner'), ops.add_member(b, user_id, 'owner') from made;

-- A page in each, with everything that hangs on it.
create temporary table pages as
select w.letter, w.workspace_id, p.page_id
from made
cross join lateral (values ('a', a), ('b', b)) as w (letter, workspace_id)
cross join lateral api.create_page(
    w.workspace_id, user_id,
    format('{"title": "page %s", "blocks": [{"id": "x", "type": "code", "data": {"text": "secret %s"}}]}', w.letter, w.letter),
    100::smallint, null, null
) as p;
grant select on pages to public;
select api.name_version(workspace_id, user_id, page_id, 'kept', null) from pages cross join made;
select ops.make_snapshots(100);
insert into core.search_entries (workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data, indexed_at)
select workspace_id, page_id, 1, 'x', 'code', 1, 'secret', 'secret', '{"text": "secret"}', now() from pages;
insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)
select workspace_id, page_id, 1, 'hashing-384', 1, sha256('x'), array_fill(0.1, array[384])::public.vector from pages;
insert into core.indexing_dead_letters (
    workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint
)
select workspace_id, page_id, 1, 'upsert', 1, 3, now(), now(), 'x', 'secret', repeat('0', 16) from pages;
insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
select workspace_id, page_id, 1, 'upsert', 1, now(), now() from pages;
-- Who may be a reader.
select is(ops.add_reader(a, 'quire_test_ann'), true, 'an analyst is given a workspace') from made;
select is(ops.add_reader(a, 'quire_test_ann'), false, 'twice is no news') from made;
select is(ops.add_reader(b, 'quire_test_team'), true, 'a group of analysts is given another') from made;
select throws_ok(
    $$select ops.add_reader(a, 'quire_test_missing') from made$$, 'PT404', null, 'there is no such role'
);
select throws_ok(
    $$select ops.add_reader(a, 'quire_test_eve') from made$$, 'PT422', null, 'a role that is no analyst is refused'
);
select throws_ok(
    $$select ops.add_reader(a, 'quire_owner') from made$$, 'PT422', null, 'and the owner, who sees everything'
);
select throws_ok(
    $$select ops.add_reader(core.new_id(), 'quire_test_ann')$$, '23503', null, 'there is no such workspace'
);
select results_eq(
    $$select action, details ->> 'role' from core.audit_log where action like 'readers.%' order by details ->> 'role'$$,
    $$values ('readers.add', 'quire_test_ann'), ('readers.add', 'quire_test_team')$$, 'it is written down'
);

-- What they see. The tables are asked of the catalog: a new one is looked at, too.
create function pg_temp.seen() returns table (name text, letters text) language plpgsql as $fn$
begin
    for name in
        select l.polrelid::regclass from pg_policy as l
        where l.polname = 'analyst_reads' and l.polrelid <> 'core.readers'::regclass
    loop
        execute format(
            'select string_agg(distinct p.letter, '''') from %s as t inner join pages as p on p.workspace_id = t.%I',
            name, case when name = 'core.workspaces' then 'id' else 'workspace_id' end
        ) into letters;
        return next;
    end loop;
end;
$fn$;

select is_empty(
    $$select name from pg_temp.seen() where letters is distinct from 'ab'$$,
    'there are rows of both workspaces in every table that analysts may read'
);

set local session authorization quire_test_ann;
select is_empty(
    $$select name from pg_temp.seen() where letters is distinct from 'a'$$,
    'the analyst of workspace a sees a and nothing else, by any table'
);
select is((select title from core.pages), 'page a', 'content, too');
select is(
    (select count(*) from core.pages where workspace_id = (select b from made)), 0::bigint, 'asking for b finds nothing'
);
select is((select count(*) from core.blocks where data @> '{"text": "secret b"}'), 0::bigint, 'nor does containment');
select is((select count(*) from core.readers), 1::bigint, 'she does not see who else reads what');
-- No setting makes her another.
select set_config('role.workspace', (select b from made)::text, true), set_config('app.workspace_id', (select b from made)::text, true);
select throws_ok($$set role quire_owner$$, '42501', null, 'she cannot become the owner');
select throws_ok($$set role quire_test_team$$, '42501', null, 'nor a group that is not hers');
set local row_security = off;
select throws_ok($$select count(*) from core.pages$$, '42501', null, 'row_security = off lifts nothing, it refuses');
set local row_security = on;
select throws_ok($$insert into core.readers select b, 'quire_test_ann', now() from made$$, '42501', null, 'she gives herself nothing');
select throws_ok($$select ops.add_reader(b, 'quire_test_ann') from made$$, '42501', null, 'nor by the function');
select throws_ok($$update core.pages set title = 'mine'$$, '42501', null, 'she updates nothing');
select throws_ok($$delete from core.blocks$$, '42501', null, 'deletes nothing');
select throws_ok($$insert into core.workspaces (id, name, created_at) values (gen_random_uuid(), 'x', now())$$, '42501', null, 'inserts nothing');
select throws_ok($$truncate core.indexing_queue$$, '42501', null, 'truncates nothing');
select throws_ok($$lock table core.pages in access exclusive mode$$, '42501', null, 'locks nobody out');
select throws_ok($$select count(*) from core.pages for update$$, '0A000', null, 'locks no counted rows');
select throws_ok($$select id from core.pages for update$$, '42501', null, 'locks no rows');
select throws_ok($$select token_hash from core.tokens$$, '42501', null, 'reads no tokens');
select throws_ok($$select name from core.users$$, '42501', null, 'no names of users');
select throws_ok($$select body from core.idempotency_keys$$, '42501', null, 'no kept answers');
select throws_ok($$select count(*) from core.page_changes_default$$, '42501', null, 'no partition past its parent');
select throws_ok($$select api.get_page(a, user_id, null, null) from made$$, '42501', null, 'calls no function of ours');
select throws_ok($$create function core.trojan() returns int language sql as 'select 1'$$, '42501', null, 'makes none');
select throws_ok($$create policy mine on core.pages for select using (true)$$, '42501', null, 'and no policy');
reset session authorization;

set local session authorization quire_test_ben;
select is((select count(*) from core.pages) + (select count(*) from core.workspaces), 0::bigint, 'an analyst without workspaces sees none');
reset session authorization;
set local session authorization quire_test_cem;
select is((select string_agg(title, ',') from core.pages), 'page b', 'a member of the group sees the group''s');
reset session authorization;
set local session authorization quire_test_eve;
select throws_ok($$select count(*) from core.pages$$, '42501', null, 'who is no analyst does not even ask');
reset session authorization;

select is(ops.remove_reader(a, 'quire_test_ann'), true, 'a workspace is taken away') from made;
select is(ops.remove_reader(a, 'quire_test_ann'), false, 'twice is no news') from made;
set local session authorization quire_test_ann;
select is((select count(*) from core.pages), 0::bigint, 'and seen no more');
reset session authorization;

select * from finish();
rollback;

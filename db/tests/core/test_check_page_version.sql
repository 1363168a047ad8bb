begin;
select plan(19);

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

set local quire.fake_now = '2026-05-06 07:08:09+00';
delete from core.indexing_queue;
select lives_ok($q$ update core.pages set title = 'direct', version = version + 1 where id = '00000000-0000-0000-0000-0000000000aa' and version = 1 $q$, 'the old application raises the version by one');
select results_eq(
    'select version, title, updated_at, edited_minute, updated_by from core.pages',
    $$values (2::bigint, 'direct', '2026-05-06 07:08:09+00'::timestamptz, '2026-05-06 07:08:00+00'::timestamptz, null::uuid)$$,
    'and its save is like any other'
);
select results_eq(
    'select kind, base_version, actor, ops, undo from core.page_changes where version = 2',
    $$values ('direct', 1::bigint, null::uuid, '[{"op": "replace", "path": "/title", "value": "direct"}]'::jsonb, '{"blocks": {}, "title": "T"}'::jsonb)$$,
    'recorded'
);
select results_eq('select no, op from core.indexing_queue', $$values (0, 'upsert')$$, 'and queued');
select is((pg_temp.patch('[{"op": "add", "path": "/properties/z", "value": 1}]', '2')) ->> 'version', '3', 'functions go on from there');
select is((select count(*)::integer from core.page_changes where version = 3), 1, 'and are recorded once');
select lives_ok('update core.pages set created_at = created_at, updated_by = null', 'maintenance passes');
select is(pg_temp.problem($q$ update core.pages set title = 'x' $q$), 'PT409 version_fence', 'content without a version');
select is(pg_temp.problem($q$ update core.pages set properties = '{}' $q$), 'PT409 version_fence', 'properties');
select is(pg_temp.problem($q$ update core.pages set title = 'x', version = version + 2 $q$), 'PT409 version_fence', 'two at once');
select is(pg_temp.problem($q$ update core.pages set version = version - 1 $q$), 'PT409 version_fence', 'backwards');
select is(pg_temp.problem($q$ update core.pages set block_order = '{}', version = version + 1 $q$), 'PT409 version_fence', 'the order is for functions');
select is(pg_temp.problem($q$ update core.pages set deleted_at = now(), version = version + 1 $q$), 'PT409 version_fence', 'so is deletion');
select is(pg_temp.problem($q$ update core.pages set next_block_no = 1 $q$), 'PT409 version_fence', 'and numbering');
select lives_ok($q$ select set_config('quire.saving', '00000000-0000-0000-0000-0000000000aa:3', true) $q$, 'an announcement of an old version');
select is(pg_temp.problem($q$ update core.pages set block_order = '{}', version = version + 1 $q$), 'PT409 version_fence', 'opens nothing');
create role old_application;
grant usage on schema core to old_application;
grant select, update on core.pages to old_application;
grant select, update on public.pages to old_application;
set local role old_application;
with updated as (
    update core.pages set title = 'role', version = version + 1 where id = '00000000-0000-0000-0000-0000000000aa' returning 1
)

select is((select count(*) from updated), 0::bigint, 'a role without a policy updates no row, whatever it is granted');
select lives_ok($q$ update public.pages set title = 'role', version = version + 1 where id = '00000000-0000-0000-0000-0000000000aa' $q$, 'one with no right on the log may save through the view');
reset role;
select is((select kind from core.page_changes where version = 4), 'direct', 'and is recorded too');

select * from finish();
rollback;

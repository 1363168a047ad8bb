-- What goes when: the log by months, snapshots, deleted pages, kept answers.
begin;
select plan(41);

select set_config('timezone', 'America/New_York', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
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
create function pg_temp.page(p_name text) returns uuid language sql as $$
    select ('00000000-0000-0000-0000-0000000000' || p_name)::uuid
$$;
create function pg_temp.now(p_time text) returns void language sql as $$
    select set_config('quire.fake_now', p_time || '+00', true)
$$;
create function pg_temp.create(p_name text) returns void language sql as $$
    select api.create_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        jsonb_build_object('id', pg_temp.page(p_name), 'title', '1', 'blocks', '[{"type": "p", "data": {}}]'::jsonb)::text,
        100::smallint
    )
$$;
create function pg_temp.edit(p_name text) returns void language sql as $$
    select api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', pg_temp.page(p_name),
        array['*'], null,
        format('[{"op": "replace", "path": "/title", "value": "%s"}]', (select version + 1 from core.pages where id = pg_temp.page(p_name))),
        'patch', 100::smallint, null
    )
$$;
create function pg_temp.delete(p_name text) returns void language sql as $$
    select api.delete_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', pg_temp.page(p_name), array['*']
    )
$$;
-- a version's title says which it is
create function pg_temp.at(p_name text, p_version bigint) returns text language sql as $$
    select head ->> 'title' from core.page_at('00000000-0000-0000-0000-000000000001', pg_temp.page(p_name), p_version)
$$;
create function pg_temp.purge(p_limit integer default 100) returns text language sql as $$
    select months || ' ' || snapshots from ops.purge_page_history(p_limit)
$$;
create function pg_temp.month(p_month text) returns boolean language sql as $$
    select to_regclass('core.page_changes_p' || p_month) is not null
$$;
do $$
begin
    -- partitions of the present
    perform pg_temp.now('2031-04-01 12:00:00');
    perform ops.purge_page_history(100);
    -- a month without a partition: its rows are in the default one
    perform pg_temp.now('2030-12-15 12:00:00');
    perform pg_temp.create('e0');
    perform pg_temp.now('2031-01-10 12:00:00');
    perform ops.ensure_partitions();
    perform pg_temp.create('a0'), pg_temp.edit('a0'), pg_temp.edit('a0');
    perform pg_temp.create('b0');
    perform pg_temp.create('c0'), pg_temp.edit('c0');
    perform pg_temp.now('2031-02-01 00:00:30');
    perform pg_temp.create('f0');
    -- the clock was set back
    perform pg_temp.now('2031-01-31 23:59:59');
    perform pg_temp.edit('f0');
    perform pg_temp.now('2031-02-10 12:00:00');
    perform ops.ensure_partitions();
    perform pg_temp.edit('a0');
    perform pg_temp.edit('f0');
    perform pg_temp.now('2031-03-10 12:00:00');
    perform pg_temp.edit('a0');
    perform api.name_version(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', pg_temp.page('a0'), 'kept', 2
    );
    delete from core.page_snapshots_due;
end;
$$;

-- the log
select pg_temp.now('2031-03-30 12:00:00');
select is(pg_temp.purge(), '0 1', 'nothing ends within 90 days; a named version has its snapshot');
select pg_temp.now('2031-05-01 23:59:59');
select is(pg_temp.purge(), '1 1', 'December is over; of its page there is a snapshot now');
select is((select count(*) from core.page_changes where page_id = pg_temp.page('e0')), 0::bigint, 'rows of the default partition go');
select is(pg_temp.at('e0', 1), '1', 'the version stays');
select ok(pg_temp.month('203101'), 'January is kept to the end of its 90 days');
select pg_temp.now('2031-05-02 00:00:01');
savepoint january;
select is(pg_temp.purge(2), '0 2', 'then snapshots first, as many as it may');
select is(pg_temp.purge(2), '0 2', 'and more');
select ok(pg_temp.month('203101'), 'until all are covered');
select is(pg_temp.purge(2), '1 0', 'then the month goes');
select ok(not pg_temp.month('203101') and pg_temp.month('203102'), 'that one only');
select is(
    array[pg_temp.at('a0', 3), pg_temp.at('a0', 4), pg_temp.at('a0', 5), pg_temp.at('b0', 1), pg_temp.at('c0', 2)],
    '{3,4,5,1,2}', 'the last version before and all after are there'
);
select is(pg_temp.problem($$ select pg_temp.at('a0', 1) $$), 'PT410 version_purged', 'older ones are gone');
select is(pg_temp.at('a0', 2), '2', 'but for the named one');
select is((select array_agg(version order by version) from core.page_changes where page_id = pg_temp.page('f0')), '{3}', 'a version whose clock was ahead goes with the later one');
select is(pg_temp.at('f0', 2), '2', 'which leaves no hole');
select is(
    (
        select array_agg(distinct v.check_name) from core.pages as p
        cross join ops.verify_page(p.workspace_id, p.id) as v where not v.ok
    ), null, 'every page proves itself'
);
select is(pg_temp.purge(), '0 0', 'nothing more to do');
-- what is not covered
rollback to january;
delete from core.page_changes where page_id = pg_temp.page('c0') and version = 1;
delete from core.blocks where page_id = pg_temp.page('c0');
select is((select months from ops.purge_page_history(100)), 0, 'a page whose history is damaged keeps the month');
select ok(pg_temp.month('203101'), 'for all of it');
select is(pg_temp.at('a0', 1), '1', 'with every version');
rollback to january;

-- snapshots
insert into core.page_snapshots (workspace_id, page_id, version, at, document, block_order, content_hash)
select '00000000-0000-0000-0000-000000000001', pg_temp.page('a0'), v.version, v.at::timestamptz, '{"title": "", "blocks": []}', '{}', 0
from (values
    (1, '2031-01-01 00:00:00+00'), (3, '2031-01-20 00:00:00+00'), (4, '2031-01-31 23:59:59+00'),
    (5, '2031-02-01 00:00:00+00'), (6, '2031-02-01 00:00:02+00'), (7, '2031-02-20 00:00:00+00')
) as v (version, at);
insert into core.page_snapshots (workspace_id, page_id, version, at, document, block_order, content_hash)
values ('00000000-0000-0000-0000-000000000001', pg_temp.page('b0'), 1, '2030-01-01 00:00:00+00', '{}', '{}', 0);
create function pg_temp.kept() returns bigint[] language sql as $$
    select array_agg(version order by version) from core.page_snapshots where page_id = pg_temp.page('a0')
$$;
create function pg_temp.thin() returns integer language sql as $$
    select removed from ops.thin_page_snapshots(
        '00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 1000
    )
$$;
select pg_temp.now('2031-04-01 00:00:00');
select is(pg_temp.thin(), 0, 'snapshots are kept for 90 days');
select pg_temp.now('2031-05-02 00:00:01');
select is(pg_temp.thin(), 2, 'then of each month the newest');
select is(pg_temp.kept(), '{2,4,5,6,7}', 'and named ones');
select pg_temp.now('2032-01-01 00:00:00');
select is(pg_temp.thin(), 2, 'of the next month when it is over');
select is(pg_temp.kept(), '{2,4,7}', 'one a month stays');
select is(pg_temp.thin(), 0, 'whatever the time');
select is((select count(*) from core.page_snapshots where page_id = pg_temp.page('b0')), 1::bigint, 'of a page''s only snapshot there is no newer');
select results_eq(
    $$ select page_id from ops.thin_page_snapshots('00000000-0000-0000-0000-000000000000', '00000000-0000-0000-0000-000000000000', 2) $$,
    $$ select pg_temp.page('b0') $$, 'pages are taken in slices'
);
select is_empty(
    $$ select * from ops.thin_page_snapshots('00000000-0000-0000-0000-000000000001', pg_temp.page('f0'), 2) $$, 'to the end'
);
rollback to january;

-- deleted pages
select pg_temp.now('2031-03-10 12:00:00');
select pg_temp.delete('a0'), pg_temp.delete('b0'), pg_temp.delete('c0');
insert into core.page_snapshots_due values ('00000000-0000-0000-0000-000000000001', pg_temp.page('a0'), 1);
select pg_temp.now('2031-04-09 12:00:00');
select is(ops.purge_deleted_pages(100), 0, 'deleted pages stay for 30 days');
select pg_temp.now('2031-04-09 12:00:01');
select is(ops.purge_deleted_pages(2), 2, 'then they go, some at a time');
select is(ops.purge_deleted_pages(2), 1, 'to the last');
select is(ops.purge_deleted_pages(2), 0, 'once');
select is((select array_agg(id order by id) from core.pages), array[pg_temp.page('e0'), pg_temp.page('f0')], 'pages that are not deleted stay');
select is(
    (
        select array_agg(t.name) from (
            select 'blocks' as name, page_id from core.blocks union all select 'changes', page_id from core.page_changes
            union all select 'snapshots', page_id from core.page_snapshots union all select 'names', page_id from core.page_names
            union all select 'due', page_id from core.page_snapshots_due union all select 'queue', page_id from core.indexing_queue
        ) as t where t.page_id in (pg_temp.page('a0'), pg_temp.page('b0'), pg_temp.page('c0'))
    ), null, 'nothing of the others is left'
);
select is(pg_temp.problem($$ select pg_temp.create('a0') $$), 'none', 'their ids are free again');

-- kept answers
insert into core.idempotency_keys (workspace_id, user_id, key, request_hash, created_at)
select '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', n::text, '\x00', '2031-04-08 12:00:00+00'::timestamptz + n * interval '1 second'
from generate_series(1, 5) as n;
select is(ops.purge_idempotency_keys(100), 0, 'answers are kept for 24 hours');
select pg_temp.now('2031-04-09 12:00:04');
select is(ops.purge_idempotency_keys(2), 2, 'then they go, the oldest first');
select is(ops.purge_idempotency_keys(2), 1, 'those that are old enough');
select is((select array_agg(key order by key) from core.idempotency_keys), '{4,5}', 'and no others');

select is(
    (
        select array_agg(f) from unnest(array[
            'ops.purge_page_history(integer)', 'ops.thin_page_snapshots(uuid, uuid, integer)',
            'ops.purge_deleted_pages(integer)', 'ops.purge_idempotency_keys(integer)', 'ops.make_snapshots(integer)'
        ]) as f
        where not has_function_privilege('quire_worker', f, 'execute') or has_function_privilege('quire_api', f, 'execute')
    ), null, 'the worker may, the API may not'
);

select * from finish();
rollback;

begin;
select plan(15);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title, block_order) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 'Title', '{1,2,3,4}'
);
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    n,
    'b' || n,
    'paragraph',
    jsonb_build_object('text', 'text ' || n),
    1
from generate_series(1, 4) as n;
create function pg_temp.enqueue(p_nos integer[], p_deleted integer[] default '{}', p_priority integer default 100)
returns void language sql as $$
    select core.enqueue_blocks('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100',
        p_nos, p_deleted, p_priority::smallint)
$$;
create function pg_temp.claim(
    p_lease integer, p_lane integer default 0, p_limit integer default 100, p_priority integer default 100,
    p_fairly boolean default false
)
returns text language sql as $$
    select format('%s rows, wait %s', c.rows, c.waits)
    from indexing.claim(
        p_lane::smallint, p_priority::smallint, -1,
        case when p_fairly then '{00000000-0000-7000-8000-000000000001}' else '{}' end::uuid[],
        case when p_fairly then '{-1}' else '{}' end::bigint[],
        p_limit, ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 60, null, '{m,shadow}'
    ) as c
$$;
create function pg_temp.release(p_lease integer, p_seconds double precision) returns integer language sql as $$
    select indexing.release(('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, p_seconds)
$$;
create function pg_temp.clock(p_seconds integer) returns text language sql as $$
    select set_config('quire.fake_now', (timestamptz '2031-05-05 12:00:00+00' + make_interval(secs => p_seconds))::text, true)
$$;
select indexing.ensure_model('m', 3);
insert into core.embedding_models (name, dimensions, state, created_at) values ('shadow', 3, 'shadow', core.clock())
on conflict (name) do update set state = 'shadow';

select pg_temp.enqueue('{1,2}');
select is(pg_temp.claim(1), '2 rows, wait {NULL,NULL}', 'all is well');
select is(indexing.open_breaker('m', 10, false, 'answered 503'), 10::double precision, 'the provider is out');
select is(pg_temp.release(1, 10), 2, 'put off');
select pg_temp.enqueue('{3}');
select is(pg_temp.claim(2), '1 rows, wait {10,NULL}', 'what was never put off is taken, to be written without a vector');
select is(pg_temp.release(2, 4), 1, 'and put off, too');

select pg_temp.clock(5);
select pg_temp.enqueue('{4}');
select is(pg_temp.claim(3, p_fairly => true), '1 rows, wait {5,NULL}', 'in turn as well');
select pg_temp.release(3, 0.001);
select is(pg_temp.claim(4), '0 rows, wait ', 'what was put off is left alone, although its time has come');
select is(pg_temp.claim(4, p_fairly => true), '0 rows, wait ', 'in turn as well');
update core.indexing_queue set lane = 1, seq = 1 where no = 4;
select is(pg_temp.claim(4, p_lane => 1), '0 rows, wait ', 'nobody is tried alone');

select pg_temp.clock(10);
select is(pg_temp.claim(5, p_limit => 1), '1 rows, wait {0,NULL}', 'one is sent to find out, with the oldest');
select is(pg_temp.claim(6), '0 rows, wait ', 'what the others would put off again they do not take');
select is(indexing.close_breaker('m'), true, 'it answers');
select is(pg_temp.claim(6), '2 rows, wait {NULL,NULL}', 'everybody goes on with all the rest');

select pg_temp.release(6, 0), indexing.open_breaker('shadow', 10, false, 'answered 503');
select is(pg_temp.claim(7), '2 rows, wait {NULL,10}', 'a model that is being filled holds no edit up');
select pg_temp.release(7, 0);
update core.indexing_queue set priority = 300 where lane = 0;
select is(pg_temp.claim(8, p_priority => 300), '0 rows, wait ', 'only what is there for it');
select * from finish();
rollback;

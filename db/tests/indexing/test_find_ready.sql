begin;
select plan(17);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, title, block_order) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 'Title', '{1,2,3}'
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
from generate_series(1, 3) as n;

-- Entries of two priorities in lane 0, one that waits in lane 0, one that somebody holds, suspects due and not yet due.
insert into core.indexing_queue (workspace_id, page_id, no, lane, priority, seq, run_at, enqueued_at)
select '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', n, lane, priority, seq,
    core.clock() + make_interval(secs => waits), core.clock()
from (values
    (1, 0, 0, 50, 60), (2, 0, 100, 40, 0), (3, 0, 100, 41, 0), (4, 0, 200, 42, 0),
    (5, 1, 100, extract(epoch from core.clock()) * 1000000, 0),
    (6, 1, 200, extract(epoch from core.clock()) * 1000000 + 1, 1)
) as e (n, lane, priority, seq, waits);
update core.indexing_queue set lease_id = '00000000-0000-7000-8000-000000000009' where no = 4;
create function pg_temp.ready(p_after bigint) returns text language sql as $$
    select format('%s suspects %s', f.priorities, f.suspects)
    from indexing.find_ready('{0,100,200,300}', array[-1, p_after, -1, -1], '{m,shadow}') as f
$$;
select is(pg_temp.ready(-1), '{100} suspects {100}', 'what may be claimed, and no other');
select is(pg_temp.ready(40), '{100} suspects {100}', 'behind the watermark is another');
select is(pg_temp.ready(41), '{} suspects {100}', 'behind the last is none; suspects have no watermark');
select set_config('quire.fake_now', '2031-05-05 12:00:01+00', true);
select is(pg_temp.ready(41), '{} suspects {100,200}', 'a suspect is due');
select set_config('quire.fake_now', '2031-05-05 12:01:00+00', true);
select is(pg_temp.ready(41), '{0} suspects {100,200}', 'one that was put off is due');
update core.indexing_queue set lease_id = null where no = 4;
select is(pg_temp.ready(41), '{0,200} suspects {100,200}', 'one is given back');
select is(
    (select f.priorities from indexing.find_ready('{200,0}', '{41,-1}', '{m}') as f), '{200,0}'::smallint[],
    'each priority has its own watermark'
);
select is(
    (select f.seqs from indexing.find_ready('{200,100,0}', '{-1,40,-1}', '{m}') as f), '{42,41,50}'::bigint[],
    'where a claim would begin'
);
select setval('core.indexing_seq', 77);
select is(
    (select f.last_seq from indexing.find_ready('{0}', '{-1}', '{m}') as f), 77::bigint, 'what was drawn last'
);

-- The provider is out: entries 3 and 4 were never put off.
update core.indexing_queue set last_error = 'its provider was out' where no not in (3, 4);
create function pg_temp.out() returns text language sql as $$
    select format('%s at %s suspects %s out %s', f.priorities, f.seqs, f.suspects, f.outages)
    from indexing.find_ready('{0,100,200,300}', '{-1,-1,41,-1}', '{m,shadow}') as f
$$;
select is(pg_temp.out(), '{0,100,200} at {50,40,42} suspects {100,200} out {}', 'the provider is well');
insert into core.indexing_breakers (model, outages, open_until, reason, changed_at)
values ('m', 1, core.clock() + interval '10 s', 'answered 503', core.clock());
select is(
    pg_temp.out(), '{100,200} at {41,42} suspects {} out {0,100,200}',
    'it is out: only what was never put off, nobody is tried alone'
);
update core.indexing_breakers set model = 'shadow';
select is(
    pg_temp.out(), '{0,100,200} at {50,40,42} suspects {100,200} out {300}',
    'that of a model that is being filled: only its own entries wait'
);
update core.indexing_breakers set model = 'm', open_until = core.clock();
select is(
    pg_temp.out(), '{0,100,200} at {50,40,42} suspects {100,200} out {}', 'somebody is to find out whether it is over'
);
select is(
    (select f.priorities from indexing.find_ready('{100,200}', '{-1,-1}') as f), '{100,200}'::smallint[],
    'workers of the release before, which name no models, go on after a migration'
);
update core.indexing_control set paused = true;
select is(pg_temp.ready(-1), '{} suspects {}', 'while the queue is paused, nothing');
select is(
    (select f.last_seq from indexing.find_ready('{0}', '{-1}', '{m}') as f), null,
    'which says nothing about what lies where'
);
update core.indexing_control set paused = false;
alter sequence core.indexing_seq restart;
select is(
    (select f.last_seq from indexing.find_ready('{0}', '{-1}', '{m}') as f), 0::bigint,
    'the first entry ever lies behind what was drawn before it'
);
select * from finish();
rollback;

-- ops.record_indexing_stats, ops.indexing_rates: the queue over time.
begin;
select plan(26);
create function pg_temp.at(p_time text) returns void language sql as $$
    select set_config('quire.fake_now', '2031-05-05 ' || p_time || '+00', true)
$$;
create function pg_temp.enqueue(p_from integer, p_to integer) returns void language sql as $$
    insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)
    select core.new_id(), core.new_id(), n, core.clock(), core.clock() from generate_series(p_from, p_to) as n
$$;
-- as an ack does
create function pg_temp.finish(p_count integer) returns void language sql as $$
    delete from core.indexing_queue as q where q.seq in (
        select i.seq from core.indexing_queue as i order by i.seq limit p_count
    );
    select core.count_indexing('done', p_count)
$$;
create function pg_temp.newest() returns core.indexing_stats language sql as $$
    select s from core.indexing_stats as s order by s.at desc limit 1
$$;

select pg_temp.at('12:00:03');
select results_eq('select arrival_rate, worker_rate from ops.indexing_rates(60)', 'values (null::float8, null::float8)',
    'no rates without data'
);
select is(ops.record_indexing_stats(), true, 'the first call makes a row');
select is(ops.record_indexing_stats(), false, 'the second in the same 10 seconds does not');
select pg_temp.at('12:00:09.9');
select is(ops.record_indexing_stats(), false, 'nor at their end');
select is((select count(*) from core.indexing_stats), 1::bigint, 'one row, however many call');
select is((pg_temp.newest()).at, '2031-05-05 12:00:00+00'::timestamptz, 'named by its 10 seconds');

select indexing.heartbeat('00000000-0000-7000-8000-000000000001', 'h', 1, 5, '{m}', 0);
select pg_temp.enqueue(1, 1000);
update core.indexing_queue set lease_id = core.new_id() where no <= 10;
update core.indexing_queue set run_at = core.clock() + interval '1 hour' where no > 990;
select pg_temp.at('12:00:13');
do $$ begin perform ops.record_indexing_stats(); end $$;
select results_eq(
    $$ select s.ready, s.processing, s.backing_off, s.workers, s.exact, s.arrival_rate, s.service_rate, s.worker_rate,
        round(s.oldest_ready_seconds::numeric, 1), round(s.lag_seconds::numeric, 1)
        from pg_temp.newest() as s $$,
    $$ values (980::bigint, 10::bigint, 10::bigint, 1, true, 100::float8, 0::float8, null::float8, 3.1, 3.1) $$,
    'depth by state, and 1000 arrivals in 10 seconds'
);
update core.indexing_queue set lease_id = null where no <= 10;
select pg_temp.at('12:00:23');
do $$ begin perform pg_temp.finish(300); perform ops.record_indexing_stats(); end $$;
select is((pg_temp.newest()).worker_rate, null, 'an interval that began without a wait teaches nothing about a worker');
select pg_temp.at('12:00:33');
do $$ begin perform pg_temp.finish(300); perform ops.record_indexing_stats(); end $$;
select is((pg_temp.newest()).worker_rate, 30::float8, 'one worker manages 30 a second while entries wait');
select indexing.heartbeat('00000000-0000-7000-8000-000000000002', 'h', 2, 5, '{m}', 0);
select pg_temp.at('12:00:43');
do $$ begin perform ops.record_indexing_stats(); end $$;
select is((pg_temp.newest()).stalled, true, 'entries due, workers there, nothing finished: stalled');
select is((pg_temp.newest()).worker_rate, 30::float8, 'which says nothing about what a worker manages');
select results_eq(
    'select round(arrival_rate::numeric, 2), service_rate, workers, seconds from ops.indexing_rates(60)',
    $$ values (25.00, 15::float8, 1, 40::float8) $$, 'rates of the window: 1000 came and 600 went in 40 s'
);
select results_eq('select service_rate from ops.indexing_rates(21)', 'values (15::float8)', 'of a shorter window');
select pg_temp.at('12:00:53');
do $$ begin perform pg_temp.finish(400); perform ops.record_indexing_stats(); end $$;
select is((pg_temp.newest()).lag_seconds, 0::float8, 'nothing waits, no lag');
select is((pg_temp.newest()).stalled, false, 'and nothing stalls');

-- a heartbeat long ago
select results_eq(
    $$ select pid, alive from ops.list_indexing_workers() order by pid $$, 'values (1, false), (2, true)',
    'silent for 30 seconds: not alive'
);
select is((select workers from ops.indexing_rates(60)), 1, 'and not counted');
select pg_temp.at('12:01:30');
do $$ begin perform ops.record_indexing_stats(); end $$;
select is((select array_agg(pid) from ops.list_indexing_workers()), '{2}', 'silent for a minute: gone');
select is(indexing.leave('00000000-0000-7000-8000-000000000002'), true, 'one that stops leaves');
select is(indexing.leave('00000000-0000-7000-8000-000000000002'), false, 'once');
select throws_ok(
    $$ select indexing.heartbeat(null, 'h', 1, 1, '{}', 0) $$, 'PT400', null, 'a worker says who it is'
);

-- clocks that jump
select pg_temp.at('11:30:00');
do $$ begin perform ops.record_indexing_stats(); end $$;
select results_eq(
    'select at, arrival_rate from core.indexing_stats order by at',
    $$ values ('2031-05-05 11:30:00+00'::timestamptz, null::float8) $$, 'set back: what lay ahead is gone'
);
select set_config('quire.fake_now', '2031-05-20 00:00:00+00', true);
do $$ begin perform ops.record_indexing_stats(); end $$;
select results_eq(
    'select at, arrival_rate, worker_rate from core.indexing_stats order by at',
    $$ values ('2031-05-20 00:00:00+00'::timestamptz, null::float8, null::float8) $$, 'rows older than 7 days go'
);

select throws_ok('select ops.indexing_rates(0)', 'PT400', 'p_seconds is 0: it takes 10 to 604800', 'a window has a size');
select ok(
    has_function_privilege('quire_worker', 'ops.record_indexing_stats()', 'execute')
    and not has_function_privilege('quire_monitor', 'ops.record_indexing_stats()', 'execute'),
    'the worker records'
);
set local role quire_monitor;
select lives_ok('select ops.workers_wanted(), ops.indexing_rates(), ops.list_indexing_workers()', 'the monitor reads');
select * from finish();
rollback;

-- ops.workers_wanted: out at once, in after the cooldown, sane without data.
begin;
select plan(24);
create function pg_temp.at(p_time text) returns void language sql as $$
    select set_config('quire.fake_now', '2031-05-05 ' || p_time || '+00', true)
$$;
create function pg_temp.row(
    p_ready integer, p_arrival float8, p_rate float8, p_workers integer default 1, p_stalled boolean default false,
    p_oldest float8 default 10
) returns void language sql as $$
    insert into core.indexing_stats
    select date_bin('10 seconds', core.clock(), '2000-01-01'), core.clock(), p_ready, 0, 0, 0, p_oldest, p_oldest,
        0, 0, 0, p_workers, 0, 0, true, p_arrival, 0, p_rate, p_stalled, '{0,0,0,0}', 0, 0
$$;

select pg_temp.at('12:00:00');
select is(ops.workers_wanted(), 1, 'without data and without work: one');
insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)
select core.new_id(), core.new_id(), n, core.clock(), core.clock() from generate_series(1, 600) as n;
select is(ops.workers_wanted(), 1, 'without data and with work just come: one');
select pg_temp.at('12:00:06');
select is(ops.workers_wanted(), 1, 'entries wait and there is no worker: one');
select indexing.heartbeat(core.new_id(), 'h', 1, 5, '{}', 0);
select is(ops.workers_wanted(), 2, 'they wait although there is one: one more is tried');
select pg_temp.row(600, 20, 5);
select is(ops.workers_wanted(), 6, 'ceil((20 a second + 600 in 60 s) / 5 a second)');
select is(ops.workers_wanted(30), 8, 'a closer target wants more');
select is(ops.workers_wanted(p_provider_limit => 17), 4, 'no more than the provider feeds');
select is(ops.workers_wanted(p_provider_limit => 0.1), 1, 'and at least one');
select ops.set_indexing_scaling(30, 300, 22);
select is(ops.workers_wanted(), 5, 'the settings of the installation count');
select ops.set_indexing_scaling();

-- hysteresis
select pg_temp.at('12:00:16');
select pg_temp.row(0, 1, 5);
select is(ops.workers_wanted(), 6, 'less work: as many as before');
select is(ops.workers_wanted(p_cooldown_seconds => 0), 1, 'without a cooldown at once fewer');
select pg_temp.at('12:00:26');
select pg_temp.row(6000, 1, 5);
select is(ops.workers_wanted(), 21, 'more work: at once');
select pg_temp.at('12:05:05');
select pg_temp.row(0, 1, 5);
select is(ops.workers_wanted(), 21, 'for five minutes');
select pg_temp.at('12:05:27');
select pg_temp.row(0, 1, 5);
select is(ops.workers_wanted(), 1, 'then fewer');

-- nothing is finished
select pg_temp.at('12:20:00');
select pg_temp.row(100000, 10, 5, 3, true);
select is(ops.workers_wanted(), 3, 'with the provider out more would not help');
select pg_temp.at('12:40:00');
select pg_temp.row(100000, 10, 0, 3);
select is(ops.workers_wanted(), 4, 'a service rate of zero is none');
select pg_temp.at('13:00:00');
select pg_temp.row(100000, 10, null, 3);
select is(ops.workers_wanted(), 4, 'unknown, and entries wait: one more');
select pg_temp.at('13:20:00');
select pg_temp.row(5, 10, null, 3, false, 0.5);
select is(ops.workers_wanted(), 1, 'unknown, and none waits: no more than one');
select pg_temp.at('13:40:00');
select pg_temp.row(2000000000, 10, 0.001);
select is(ops.workers_wanted(), 1000, 'never without bound');

-- clocks that jump
select pg_temp.at('11:00:00');
delete from core.indexing_queue;
select is(ops.workers_wanted(), 1, 'rows of the future do not count');

select throws_ok('select ops.workers_wanted(0)', '22023', 'the target is 0 seconds: it takes 1 to 86400', 'bad_target');
select throws_ok(
    'select ops.set_indexing_scaling(60, -1)', '22023', 'the cooldown is -1 seconds: it takes 0 to 86400', 'bad cooldown'
);
select throws_ok('select ops.set_indexing_scaling(60, 300, 0)', '22023', null, 'bad limit');
select ok(
    not has_function_privilege('quire_worker', 'ops.set_indexing_scaling(float8, float8, float8)', 'execute'),
    'operators set, workers do not'
);
select * from finish();
rollback;

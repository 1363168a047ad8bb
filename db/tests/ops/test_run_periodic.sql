-- ops.run_periodic: one recorded run of a task, for the scheduler in charge only, never two at once; and what shows it.
begin;
select plan(42);

create function pg_temp.now(p_time text) returns void language sql as $$
    select set_config('quire.fake_now', p_time || '+00', true)
$$;
create function pg_temp.run(p_task text, p_scheduler text default 'procrastinate') returns text language sql as $$
    select concat_ws(' ', r.outcome, r.rows, r.more, r.error) from ops.run_periodic(p_task, p_scheduler) as r
$$;
create function pg_temp.state(p_task text) returns text language sql as $$
    select concat_ws(' ', s.late, s.late_seconds, s.runs_total, s.failures_total, s.rows_total)
    from ops.periodic_state as s where s.task = p_task
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
begin
    execute p_sql;
    return 'none';
exception when others then
    return sqlstate || ' ' || sqlerrm;
end;
$$;
create table pg_temp.work (n integer);
insert into pg_temp.work select generate_series(1, 5);
create function pg_temp.take(p_bookmark jsonb) returns table (rows integer, more boolean, bookmark jsonb, largest integer)
language plpgsql as $$
begin
    select coalesce(max(n), 0) into largest from (select w.n from pg_temp.work as w order by n limit 2) as s;
    delete from pg_temp.work as w where w.n <= largest;
    get diagnostics rows = row_count;
    more := rows = 2;
    bookmark := jsonb_build_object('calls', coalesce((p_bookmark ->> 'calls')::integer, 0) + 1);
    return next;
end;
$$;
insert into ops.periodic_tasks (task, cron, max_late_seconds, runs_in, about, statement, added_at) values
('take', '5 seconds', 60, 'transaction', 'takes', format('select * from %s.take($1)', pg_my_temp_schema()::regnamespace), '2031-01-01 00:00:00+00'),
('nothing', '0 3 * * *', 61, 'transaction', 'does nothing', 'select 1 as said where false', '2031-01-01 00:00:00+00'),
('broken', '0 3 * * *', 60, 'transaction', 'fails', 'select 1 / 0 as rows', '2031-01-01 00:00:00+00'),
('slow', '0 3 * * *', 60, 'transaction', 'sleeps', 'select pg_sleep(5)', '2031-01-01 00:00:00+00');

-- done and recorded
select pg_temp.now('2031-01-01 10:59:50');
select is(pg_temp.state('take'), 't 39530 0 0 0', 'what never ran is late from when it was added');
select is(pg_temp.run('take'), 'done 2 t', 'a run does as much as its statement');
select is(pg_temp.state('take'), 'f 0 1 0 2', 'and is in time then');
select is((select bookmark from ops.periodic_progress where task = 'take'), '{"calls": 1}', 'it keeps its place');
select pg_temp.now('2031-01-01 10:59:55');
select is(pg_temp.run('take'), 'done 2 t', 'for the next run');
select is((select bookmark from ops.periodic_progress where task = 'take'), '{"calls": 2}', 'which gets it');
select results_eq(
    $$ select hour, scheduler, runs, rows, started_at, error, details from ops.purge_runs where task = 'take' $$,
    $$ values (
        '2031-01-01 10:00:00+00'::timestamptz, 'procrastinate', 2, 4::bigint, '2031-01-01 10:59:50+00'::timestamptz,
        null, '{"largest": 4}'::jsonb
    ) $$, 'runs of an hour are one record'
);
select pg_temp.now('2031-01-01 11:00:00');
select is(pg_temp.run('take'), 'done 1 f', 'to the end');
select is(pg_temp.run('take', 'command'), 'done 0 f', 'a person may run it');
select is((select count(*) from ops.purge_runs where task = 'take'), 3::bigint, 'another hour and scheduler have records of their own');
select is(pg_temp.run('nothing'), 'done 0 f', 'a statement without a row did nothing');
select is((select details from ops.purge_runs where task = 'nothing'), null, 'and says nothing');

-- late
select pg_temp.now('2031-01-01 11:01:00');
select is((select late_seconds from ops.list_periodic() where task = 'take'), 0::float8, 'in time to the second');
select pg_temp.now('2031-01-01 11:01:02');
select is(pg_temp.state('take'), 't 2 4 0 5', 'then late');
select is(
    (select array_agg(value) from ops.metrics() where name = 'quire_periodic_late_seconds' and labels ->> 'task' = 'take'),
    '{2}', 'as a metric, too'
);
select is(
    (select (array_agg(s.task))[1] from ops.periodic_state as s where s.task in ('take', 'nothing')), 'take',
    'the latest stands first'
);
update ops.periodic_tasks set enabled = false where task = 'take';
select is(pg_temp.state('take'), 'f 0 4 0 5', 'what is switched off is never late');
select is(pg_temp.run('take'), 'disabled 0 f', 'and does not run');
select is(pg_temp.run('take', 'command'), 'done 0 f', 'but by a person');

-- errors
select is(pg_temp.run('broken'), 'failed 0 f division by zero', 'an error is an answer');
select is(pg_temp.run('broken'), 'failed 0 f division by zero', 'each time');
select results_eq(
    $$ select sqlstate, error, runs from ops.purge_runs where task = 'broken' $$,
    $$ values ('22012', 'division by zero', 2) $$, 'and a record'
);
select is(pg_temp.state('broken'), 't 39602 2 2 0', 'a failure is no success: it is late');
select is(
    (select last_error from ops.periodic_state where task = 'broken'), '22012: division by zero', 'and says why'
);
update ops.periodic_tasks set statement = 'select 1 as rows' where task = 'broken';
select is(pg_temp.run('broken'), 'done 1 f', 'mended');
select is(
    (select last_error from ops.periodic_state where task = 'broken'), null, 'it has no error any more'
);
set local statement_timeout = '100ms';
select matches(pg_temp.run('slow'), '^failed 0 f canceling statement due to statement timeout', 'a timeout is recorded, too');
reset statement_timeout;

-- in charge
select is(ops.scheduler(), 'procrastinate', 'the workers are in charge at first');
select is(pg_temp.run('nothing', 'pg_cron'), 'not_in_charge 0 f', 'pg_cron is refused');
select is(pg_temp.problem('select ops.set_scheduler(''pg_cron'')'), '0A000 pg_cron is not loaded: add it to shared_preload_libraries and restart the server', 'and cannot be put in charge where it is not');
select set_config('cron.launch_active_jobs', 'on', true);
select ops.set_scheduler('pg_cron');
select is(pg_temp.run('nothing', 'pg_cron'), 'done 0 f', 'in charge it runs');
select is(pg_temp.run('nothing'), 'not_in_charge 0 f', 'and the workers do not');
select is((select runs_total from ops.periodic_progress where task = 'nothing'), 2::bigint, 'what is refused is no run');
select set_config('cron.launch_active_jobs', '', true);
select is(pg_temp.problem('select ops.set_scheduler(''cron'')'), '22023 scheduler is "cron": it takes procrastinate or pg_cron', 'another scheduler is refused');
select ops.set_scheduler('procrastinate');

-- more than one transaction may
insert into pg_temp.work select generate_series(1, 9);
update ops.periodic_tasks set enabled = true where task = 'take';
select is(pg_temp.run('take'), 'done 2 t', 'where there is more to do');
select is(ops.continue_periodic('procrastinate'), 4, 'it is gone on with');
select is((select count(*) from pg_temp.work), 0::bigint, 'to the end');
select is(ops.continue_periodic('procrastinate'), 0, 'once');

-- wrong calls
select is(pg_temp.problem('select ops.run_periodic(''no'', ''command'')'), '22023 there is no periodic task "no": ops.periodic_tasks has them', 'an unknown task is named');
select is(pg_temp.problem('select ops.run_periodic(''take'', ''me'')'), '22023 scheduler is "me": it takes procrastinate, pg_cron or command', 'an unknown scheduler, too');
select is(pg_temp.problem('select ops.run_periodic(''vacuum_queue'', ''command'')'), '22023 the periodic task "vacuum_queue" does not run in a transaction (session)', 'and what no function can run');
select ok(
    has_function_privilege('quire_worker', 'ops.run_periodic(text, text)', 'execute')
    and not has_function_privilege('quire_api', 'ops.run_periodic(text, text)', 'execute')
    and not has_function_privilege('quire_monitor', 'ops.run_periodic(text, text)', 'execute')
    and has_table_privilege('quire_monitor', 'ops.periodic_state', 'select'),
    'the worker runs, the monitor looks on'
);

select * from finish();
rollback;

-- Runs that ops.run_periodic cannot make are noted all the same.
begin;
select plan(8);

create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
begin
    execute p_sql;
    return 'none';
exception when others then
    return sqlstate || ' ' || sqlerrm;
end;
$$;
select set_config('quire.fake_now', '2031-01-01 10:00:10+00', true);
select ops.record_periodic('rescue_jobs', 'procrastinate', 10, 3);
select results_eq(
    $$ select last_success_at, runs_total, rows_total from ops.periodic_progress where task = 'rescue_jobs' $$,
    $$ values ('2031-01-01 10:00:00+00'::timestamptz, 1::bigint, 3::bigint) $$, 'a run that just ended is noted from its begin'
);
select set_config('quire.fake_now', '2031-01-01 10:01:00+00', true);
select ops.record_periodic('rescue_jobs', 'procrastinate', 0, 0, '08006', 'gone');
select results_eq(
    $$ select last_success_at, last_error, failures_total from ops.periodic_progress where task = 'rescue_jobs' $$,
    $$ values ('2031-01-01 10:00:00+00'::timestamptz, 'gone', 1::bigint) $$, 'an error leaves the last success'
);
select is((select count(*) from ops.purge_runs where task = 'rescue_jobs'), 2::bigint, 'with a record of its own');
select is(
    pg_temp.problem($$ select ops.record_periodic('purge_jobs', 'command', 0, 0) $$),
    '22023 there is no periodic task "purge_jobs" that runs outside ops.run_periodic', 'others record themselves'
);
select is(
    pg_temp.problem($$ select ops.record_periodic('rescue_jobs', 'me', 0, 0) $$),
    '22023 scheduler is "me": it takes procrastinate, pg_cron or command', 'an unknown scheduler is refused'
);

-- a VACUUM of pg_cron; the statistics of a clone know of none
select is(ops.record_vacuum(), false, 'no VACUUM, no note') where pg_stat_get_last_vacuum_time('core.indexing_queue'::regclass) is null;
select pass('there was one') where pg_stat_get_last_vacuum_time('core.indexing_queue'::regclass) is not null;
select ok(
    has_function_privilege('quire_worker', 'ops.record_periodic(text, text, double precision, bigint, text, text)', 'execute')
    and not has_function_privilege('quire_api', 'ops.record_vacuum()', 'execute'), 'the worker may, the API may not'
);
select is(
    (select count(*) from ops.periodic_tasks where runs_in = 'session'), 1::bigint,
    'ops.record_vacuum knows of one statement that no transaction may hold'
);

select * from finish();
rollback;

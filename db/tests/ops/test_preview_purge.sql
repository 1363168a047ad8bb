-- ops.preview_purge foretells what a purge takes, and changes nothing; purges of jobs and of records.
begin;
select plan(24);

select set_config('timezone', 'America/New_York', true);
select set_config('quire.fake_now', '2031-06-15 12:00:00+00', true);
create function pg_temp.preview(p_task text) returns text language sql as $$
    select concat_ws(' ', relation, partitions, rows, keep_hours) from ops.preview_purge(p_task)
$$;
create function pg_temp.run(p_task text) returns text language sql as $$
    select concat_ws(' ', outcome, rows, more) from ops.run_periodic(p_task, 'command')
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
begin
    execute p_sql;
    return 'none';
exception when others then
    return sqlstate || ' ' || sqlerrm;
end;
$$;
insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
-- partitions of the present would be old ones by now
do $$ begin perform ops.purge_indexing_done(), ops.purge_page_history(100); end $$;

-- every task of retention can be asked, and keeps what is promised
select results_eq(
    'select task, relation, keep_hours from ops.periodic_tasks where relation is not null order by task',
    $$
        values
        ('purge_deleted_pages', 'core.pages', 720), ('purge_idempotency_keys', 'core.idempotency_keys', 24),
        ('purge_indexing_done', 'core.indexing_done', 168), ('purge_jobs', 'procrastinate.procrastinate_jobs', 24),
        ('purge_page_history', 'core.page_changes', 2160), ('purge_rate_buckets', 'core.rate_buckets', 1),
        ('purge_runs', 'ops.purge_runs', 720), ('thin_page_snapshots', 'core.page_snapshots', 2160)
    $$, 'what is kept for how long'
);
select is(
    (
        select count(*) from ops.periodic_tasks as t cross join lateral ops.preview_purge(t.task) as p
        where t.relation is not null and (p.partitions, p.rows) = (0, 0)
    ), 8::bigint, 'nothing is old at first'
);
select is(
    pg_temp.problem($$ select ops.preview_purge('make_snapshots') $$),
    '22023 there is no task of retention "make_snapshots": see relation of ops.periodic_tasks',
    'what takes nothing away has nothing to foretell'
);
select is(
    (select count(*) from ops.list_periodic() where scheduler = 'procrastinate'),
    (select count(*) from ops.periodic_tasks), 'all are listed'
);

-- finished entries: two days of partitions, and rows of the default one
do $$
begin
    perform set_config('quire.fake_now', '2031-06-06 23:00:00+00', true);
    perform ops.ensure_partitions();
    insert into core.indexing_done
    select '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', n, 'upsert', 1, at, at
    from generate_series(1, 30) as n
    cross join lateral (
        select '2031-06-05 12:00:00+00'::timestamptz + (n % 3) * interval '1 day' as at
    ) as t;
    analyze core.indexing_done;
    perform set_config('quire.fake_now', '2031-06-15 12:00:00+00', true);
end;
$$;
select is(pg_temp.preview('purge_indexing_done'), 'core.indexing_done 2 30 168', 'partitions and rows are foretold');
create temporary table kept as select count(*) as n from core.indexing_done;
do $$ begin perform pg_temp.preview('purge_indexing_done'); end $$;
select is((select count(*) from core.indexing_done), (select n from kept), 'without taking any');
select ok(to_regclass('core.indexing_done_p20310606') is not null, 'or a partition');
select is(pg_temp.run('purge_indexing_done'), 'done 30 f', 'then they go');
select is((select details from ops.purge_runs where task = 'purge_indexing_done'), '{"partitions": 2}', 'which is on record');
select is((select count(*) from core.indexing_done), 0::bigint, 'all of them');
select is(pg_temp.preview('purge_indexing_done'), 'core.indexing_done 0 0 168', 'and nothing is left to go');
select results_eq(
    $$
        select name, value from ops.metrics() where labels ->> 'table' = 'core.indexing_done' order by name collate "C"
    $$,
    $$
        values ('quire_default_partition_rows', 0::float8),
        ('quire_purge_last_success_timestamp_seconds', extract(epoch from '2031-06-15 12:00:00+00'::timestamptz)::float8),
        ('quire_purge_rows_total', 30)
    $$, 'metrics say so'
);
insert into core.indexing_done values
('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 1, 'upsert', 1, now(), '2035-01-01 00:00:00+00');
select is(
    (
        select value from ops.metrics()
        where name = 'quire_default_partition_rows' and labels = '{"table": "core.indexing_done"}'
    ), 1::float8, 'and that a row has no partition'
);

-- jobs of the executor
do $$
declare
    v_path constant text := current_setting('search_path');
begin
    -- the library's triggers name their tables without a schema
    perform set_config('search_path', 'pg_catalog, procrastinate, pg_temp', true);
    insert into procrastinate_jobs (id, queue_name, task_name, status) overriding system value
    select n, 'q', 't', (array['failed', 'succeeded', 'todo', 'doing', 'aborted', 'cancelled'])[n]::procrastinate_job_status
    from generate_series(1, 6) as n;
    insert into procrastinate_periodic_defers (task_name, defer_timestamp, job_id) values ('t', 1, 1);
    perform set_config('search_path', v_path, true);
end;
$$;
update procrastinate.procrastinate_events set at = '2031-06-14 11:59:59+00';
insert into procrastinate.procrastinate_events (job_id, type, at) values (6, 'cancelled', '2031-06-14 12:00:01+00');
select is(pg_temp.preview('purge_jobs'), 'procrastinate.procrastinate_jobs 0 3 24', 'jobs that ended a day ago are foretold');
select is(ops.purge_jobs(2), 2, 'and go, some at a time');
select is(pg_temp.run('purge_jobs'), 'done 1 f', 'to the last');
select is(
    (select array_agg(id order by id) from procrastinate.procrastinate_jobs), '{3,4,6}',
    'those that wait, run or ended today stay'
);
select is((select count(*) from procrastinate.procrastinate_events where job_id in (1, 2, 5)), 0::bigint, 'events go with their jobs');

-- records
insert into ops.purge_runs (hour, task, scheduler, runs, rows, seconds, started_at, finished_at)
select r.hour, 'purge_jobs', 'procrastinate', 1, 0, 0, r.hour + interval '1 s', r.hour + interval '2 s'
from unnest(array['2031-05-16 11:00:00+00', '2031-05-16 12:00:00+00', '2031-05-01 00:00:00+00']::timestamptz[]) as r (hour);
select is(pg_temp.preview('purge_runs'), 'ops.purge_runs 0 2 720', 'records of 30 days ago are foretold');
select is(ops.purge_run_records(1), 1, 'and go, the oldest first');
select is((select min(hour) from ops.purge_runs), '2031-05-16 11:00:00+00', 'one at a time here');
select is(pg_temp.run('purge_runs'), 'done 1 f', 'to the last');

select is(
    pg_temp.problem($$ select core.retention_floor('index_tick') $$),
    'P0001 there is no retention "index_tick": see keep_hours of ops.periodic_tasks', 'a task without an age has no floor'
);
select ok(
    has_function_privilege('quire_monitor', 'ops.preview_purge(text)', 'execute')
    and not has_function_privilege('quire_api', 'ops.preview_purge(text)', 'execute'),
    'the monitor may ask, the API may not'
);

select * from finish();
rollback;

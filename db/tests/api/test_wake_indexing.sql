begin;
select plan(8);
set local role quire_api;
select is(api.wake_indexing(), true, 'a drain is deferred');
select is(api.wake_indexing(), false, 'not twice while one waits');
select throws_ok('select indexing.wake(2)', '42501', null, 'the API is no worker');
set local role quire_worker;
select is(indexing.wake(2), 1, 'a worker fills the other slots');
select throws_ok('select api.wake_indexing()', '42501', null, 'a worker is not the API');
reset role;
select results_eq(
    'select task_name::text, queue_name::text, queueing_lock, args from procrastinate.procrastinate_jobs order by id',
    $$values ('index_drain', 'indexing', 'index_drain:0', '{"slot": 0}'::jsonb),
    ('index_drain', 'indexing', 'index_drain:1', '{"slot": 1}'::jsonb)$$, 'as the worker expects them'
);
select set_config('search_path', 'public, pgtap, procrastinate', true);
update procrastinate.procrastinate_jobs set status = 'doing';
select set_config('search_path', 'public, pgtap', true);
select is(api.wake_indexing(), true, 'a running drain does not keep the next from waiting');
select is(current_setting('search_path'), 'public, pgtap', 'the search path is left alone');
select * from finish();
rollback;

begin;
select plan(3);
create function pg_temp.counted() returns text language sql as $$
    select sum(c.value) || ' in ' || count(*) from core.indexing_counters as c where c.name = 'done'
$$;
delete from core.indexing_counters where name = 'done';
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
select core.count_indexing('done', 2), core.count_indexing('done', 3);
select is(pg_temp.counted(), '5 in 1', 'a row of this process and minute');
select set_config('quire.fake_now', '2031-05-05 12:59:00+00', true);
select core.count_indexing('done', 5);
select is(pg_temp.counted(), '10 in 2', 'another minute has another: no row gathers many dead versions');
select set_config('quire.fake_now', '2031-05-05 13:00:00+00', true);
select core.count_indexing('done', 1);
select is(pg_temp.counted(), '11 in 2', 'an hour later the first one serves again');
select * from finish();
rollback;

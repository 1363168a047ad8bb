begin;
select plan(11);
select set_config('quire.fake_now', '2031-12-30 23:30:00+00', true);
select set_config('timezone', 'America/New_York', true);
create table core.indexing_done_p20311231_check as select 1 as one;
drop table core.indexing_done_p20311231_check;
insert into core.indexing_done values (
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    1,
    'upsert',
    1,
    now(),
    '2031-12-31 10:00:00+00'
);
insert into core.indexing_done values (
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    2,
    'upsert',
    1,
    now(),
    '2032-01-20 10:00:00+00'
);
select
    is((select count(*) from core.indexing_done_default), 2::bigint, 'without a partition the default one takes rows');
select is(ops.ensure_partitions(), 7, 'three months and four days are made');
select is(ops.ensure_partitions(), 0, 'once');
select results_eq(
    $$select c.relname::text collate "C" from pg_class as c
        where c.relname ~ '^(page_changes|indexing_done)_p20(31|32)[0-9]+$'
    and c.relkind = 'r' order by 1$$,
    $$values ('indexing_done_p20311230'::text collate "C"), ('indexing_done_p20311231'),
        ('indexing_done_p20320101'), ('indexing_done_p20320102'),
    ('page_changes_p203112'), ('page_changes_p203201'), ('page_changes_p203202')$$,
    'named by month and day in UTC'
);
select is((select count(*) from core.indexing_done_p20311231), 1::bigint, 'a row that waited in the default one moved');
select is((select count(*) from core.indexing_done_default), 1::bigint, 'another stayed');
select results_eq('select partitions, rows from ops.purge_indexing_done()', 'values (0, 0)', 'nothing is old yet')
where not exists (select 1 from pg_class as c where c.relname ~ '^indexing_done_p2(02|030)');
select pass('or there are partitions of the present')
where exists (select 1 from pg_class as c where c.relname ~ '^indexing_done_p2(02|030)');
select set_config('quire.fake_now', '2032-01-06 23:59:59+00', true);
do $$ begin perform ops.purge_indexing_done(); end $$;
select has_table('core', 'indexing_done_p20311230', 'seven days are kept to the second');
select set_config('quire.fake_now', '2032-01-07 00:00:01+00', true);
select results_eq('select partitions, rows from ops.purge_indexing_done()', 'values (1, 0)', 'then the day is dropped');
select set_config('quire.fake_now', '2032-01-27 10:00:01+00', true);
select
    results_eq('select rows from ops.purge_indexing_done()', 'values (1)', 'old rows of the default partition go too');
select
    is(
        (select count(*) from core.indexing_done where page_id = '00000000-0000-7000-8000-000000000100'),
        0::bigint,
        'nothing is left'
    );
select * from finish();
rollback;

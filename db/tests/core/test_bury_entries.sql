-- core.bury_entries: entries that are given up.
begin;
select plan(5);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.indexing_queue (workspace_id, page_id, no, attempts, run_at, enqueued_at)
select '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', n, 3, core.clock(), core.clock()
from generate_series(1, 3) as n;
create function pg_temp.bury(p_nos integer[], p_code text, p_error text) returns integer language sql as $$
    select core.bury_entries(
        array_agg(q.ctid), array_agg(p_code), array_agg(p_error || ' ' || q.no), core.clock()
    ) from core.indexing_queue as q where q.no = any(p_nos)
$$;
select is(pg_temp.bury('{1,2}', 'refused', 'text'), 2, 'as many as were named');
select results_eq(
    'select no, attempts, error_code, error from core.indexing_dead_letters order by no',
    $$values (1, 3::smallint, 'refused', 'text 1'), (2, 3::smallint, 'refused', 'text 2')$$, 'with what went wrong'
);
select results_eq('select no from core.indexing_queue', 'values (3)', 'they wait no longer');
update core.indexing_dead_letters set discarded_at = core.clock() where no = 1;
insert into core.indexing_queue (workspace_id, page_id, no, attempts, run_at, enqueued_at) values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000002', 1, 3, core.clock(), core.clock()
);
select is(pg_temp.bury('{1}', 'other', 'text'), 1, 'one that died before takes the newer failure');
select results_eq(
    'select error_code, discarded_at from core.indexing_dead_letters where no = 1',
    $$values ('other', null::timestamptz)$$, 'and is open again'
);
select * from finish();
rollback;

begin;
select plan(5);
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

insert into core.indexing_queue (workspace_id, page_id, no, priority, seq, run_at, enqueued_at)
select ('00000000-0000-7000-8000-00000000000' || w)::uuid, '00000000-0000-7000-8000-000000000100', n, 100,
    1000 + n * 10 + w, core.clock(), core.clock()
from generate_series(1, 4) as n cross join generate_series(1, 5) as w;
update core.indexing_queue set priority = 200 where workspace_id = '00000000-0000-7000-8000-000000000003';
update core.indexing_queue set lane = 1 where workspace_id = '00000000-0000-7000-8000-000000000004';
create function pg_temp.found(p_after bigint, p_limit integer, p_priority integer default 100) returns text
language sql as $$
    select string_agg(right(w::text, 1), ',' order by w) || ' ' || coalesce(max(f.seq)::text, '-')
    from indexing.find_workspaces(p_priority::smallint, p_after, p_limit) as f
    cross join unnest(f.workspace_ids) as w
$$;
select is(pg_temp.found(null, 10), '1,2,5 -', 'all that have entries of the priority in lane 0');
select is(pg_temp.found(null, 2), '1,2 -', 'as many as asked for');
select is(pg_temp.found(null, 10, 200), '3 -', 'of another priority');
select is(pg_temp.found(1040, 2), '1,2 1042', 'those of the next entries behind a seq, and where they end');
select is((select f.seq from indexing.find_workspaces(100::smallint, 9000, 10) as f), null, 'behind the last is none');
select * from finish();
rollback;

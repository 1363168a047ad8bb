begin;
select plan(6);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
create function pg_temp.page(p_no integer) returns uuid language sql as
    $$select format('00000000-0000-7000-8000-%s', lpad(p_no::text, 12, '0'))::uuid$$;
insert into core.pages (workspace_id, id, title, deleted_at)
select '00000000-0000-7000-8000-000000000001', pg_temp.page(n), 'page ' || n, case n when 2 then now() end
from generate_series(1, 5) as n;
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
select '00000000-0000-7000-8000-000000000001', pg_temp.page(p), n, 'b' || n, 'paragraph', '{"text": "some"}', 1
from generate_series(1, 4) as p, generate_series(1, 600) as n;
create function pg_temp.look(p_after integer, p_pages integer) returns text language sql as $$
    select format('%s to %s', e.enqueued, right(e.page_id::text, 1))
    from indexing.enqueue_missing(
        'hashing-384', '00000000-0000-7000-8000-000000000001', pg_temp.page(p_after), p_pages
    ) as e
$$;
select is(pg_temp.look(0, 1), '601 to 1', 'blocks and title of a page');
select is(pg_temp.look(0, 10), '1202 to 4', 'it ends with the page of the thousandth row; what waits is not counted');
select is(pg_temp.look(4, 10), '1 to 5', 'and goes on behind it');
select is(pg_temp.look(5, 10), null, 'to the end');
select is(pg_temp.look(0, 10), '0 to 5', 'again there is nothing to do');
select is(
    (select count(*) from core.indexing_queue as q where q.page_id = pg_temp.page(2)), 0::bigint,
    'nothing of a deleted page'
);
select * from finish();
rollback;

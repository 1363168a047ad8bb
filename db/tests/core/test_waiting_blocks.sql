begin;
select plan(9);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now()),
('00000000-0000-7000-8000-000000000002', 'v', now());
create function pg_temp.page(p_n integer, p_blocks integer, p_at text, p_priority integer, p_workspace integer default 1)
returns void language plpgsql as $$
declare
    v_workspace constant uuid := '00000000-0000-7000-8000-00000000000' || p_workspace;
    v_page constant uuid := '00000000-0000-7000-8000-0000000001' || lpad(p_n::text, 2, '0');
begin
    insert into core.pages (workspace_id, id, updated_at, edited_minute)
    values (v_workspace, v_page, p_at::timestamptz, date_trunc('minute', p_at::timestamptz, 'UTC'));
    insert into core.blocks (workspace_id, page_id, no, id, type, ver)
    select v_workspace, v_page, n, 'b' || n, 'paragraph', 1 from generate_series(1, p_blocks) as n;
    perform core.enqueue_blocks(
        v_workspace, v_page, array(select generate_series(0, p_blocks)), '{}', p_priority::smallint
    );
end;
$$;
-- keys as "page:no", in order
create function pg_temp.waiting(p_limit integer, p_offset integer default 0) returns text language sql as $$
    select string_agg(ltrim(right(w.page_id::text, 2), '0') || ':' || w.no, ' ' order by w.place)
    from core.waiting_blocks('00000000-0000-7000-8000-000000000001', p_limit)
    with ordinality as w (page_id, no, place)
    where w.place > p_offset
$$;

select is(pg_temp.waiting(9), null, 'nothing where nothing waits');
select pg_temp.page(9, 1, '2026-01-02 12:00:00Z', 100, 2);
select is(pg_temp.waiting(9), null, 'nor what waits in another workspace');
select pg_temp.page(1, 1, '2026-01-01 12:00:50Z', 200);
select pg_temp.page(2, 1, '2026-01-01 12:00:10Z', 200);
select is(
    pg_temp.waiting(3), '1:0 1:1 2:0', 'of imports edited in one minute the page edited last is first, whatever its id'
);
select pg_temp.page(3, 600, '2026-01-01 10:00:00Z', 100);
select pg_temp.page(4, 1, '2026-01-01 09:00:00Z', 100);
select is(pg_temp.waiting(4), '3:0 3:1 3:2 3:3', 'edits are before imports, a title is before its blocks');
select is(pg_temp.waiting(203, 199), '3:199 4:0 4:1 3:200', 'a long page does not hide others');
select is(pg_temp.waiting(1000, 603), '1:0 1:1 2:0 2:1', 'and every block comes once');
-- it waits already, so its place in the queue stays
update core.blocks set ver = 2 where no = 555;
select core.enqueue_blocks(
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000103', '{555}', '{}', 100::smallint
);
select is(pg_temp.waiting(3), '3:0 3:555 3:1', 'what a page''s last save wrote is first');
-- more edits than are looked at, in a workspace that is busy now
insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)
select '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000109', n, now(), now()
from generate_series(2, 6000) as n;
select is(pg_temp.waiting(2), '3:0 3:555', 'a busy neighbour''s edits hide nothing');
select set_config('quire.saving', '00000000-0000-7000-8000-000000000103:2', true);
update core.pages set deleted_at = now(), version = 2 where id = '00000000-0000-7000-8000-000000000103';
select is(pg_temp.waiting(9), '4:0 4:1 1:0 1:1 2:0 2:1', 'a deleted page''s blocks are not read');
select * from finish();
rollback;

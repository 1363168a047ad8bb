begin;
select plan(1);
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000001', 'w', now());
insert into core.pages (workspace_id, id, updated_at, edited_minute) values
('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000101', '2026-01-01 12:00:50Z', '2026-01-01 12:00Z'),
('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000102', '2026-01-01 12:00:10Z', '2026-01-01 12:00Z');
select core.enqueue_blocks('00000000-0000-7000-8000-000000000001', id, '{0}', '{}', 200::smallint) from core.pages;

select is(
    (select page_id from core.waiting_blocks('00000000-0000-7000-8000-000000000001', 1)),
    '00000000-0000-7000-8000-000000000101',
    'of imports edited in one minute the page edited last is read first, whatever its id'
);
select * from finish();
rollback;

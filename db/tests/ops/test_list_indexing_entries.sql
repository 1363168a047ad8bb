-- Entries of the indexing queue: listed by status, page and time, in pages.
begin;
select plan(38);

select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
create function pg_temp.id(p_no integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-' || lpad(p_no::text, 12, '0'))::uuid
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', v_state, v_slug, nullif(v_detail, ''));
end;
$$;
create function pg_temp.nos(p_filter jsonb) returns text language sql as $$
    select string_agg(l.no::text, ',' order by l.place)
    from (select row_number() over () as place, e.no from ops.list_indexing_entries(p_filter) as e) as l
$$;
create function pg_temp.pages(p_limit integer) returns text language plpgsql as $$
declare
    v_cursor text;
    v_nos text;
    v_pages text[];
begin
    for v_turn in 1 .. 20 loop
        select string_agg(l.no::text, ',' order by l.place), max(l.cursor) filter (where l.place = p_limit)
        into v_nos, v_cursor
        from (
            select row_number() over () as place, e.*
            from ops.list_indexing_entries('{}', p_limit, v_cursor) as e
        ) as l;
        v_pages := v_pages || v_nos;
        exit when v_cursor is null;
    end loop;
    return array_to_string(v_pages, ' ');
end;
$$;

select is_empty('select * from ops.list_indexing_entries()', 'nothing is listed where nothing is');

-- 1 waits, 2 backs off, 3 is being indexed, 4 to 6 are completed, 7 and 8 are dead letters, 8 a discarded one
insert into core.indexing_leases (lease_id, expires_at, workspace_ids, page_ids, nos, generations, vers, text_hashes)
values (pg_temp.id(900), '2031-05-05 12:01:00+00', array[pg_temp.id(1)], array[pg_temp.id(101)], '{3}', '{1}', '{1}', '{""}');
insert into core.indexing_queue
    (workspace_id, page_id, no, op, priority, attempts, run_at, enqueued_at, lease_id, last_error)
values
    (pg_temp.id(1), pg_temp.id(100), 1, 'upsert', 0, 0, '2031-05-05 11:50:00+00', '2031-05-05 11:50:00+00', null, null),
    (pg_temp.id(1), pg_temp.id(100), 2, 'delete', 100, 1, '2031-05-05 12:05:00+00', '2031-05-05 11:40:00+00', null, 'no'),
    (pg_temp.id(1), pg_temp.id(101), 3, 'upsert', 200, 1, '2031-05-05 11:45:00+00', '2031-05-05 11:45:00+00',
        pg_temp.id(900), null);
insert into core.indexing_done (workspace_id, page_id, no, op, attempts, enqueued_at, processed_at)
select
    pg_temp.id(2), pg_temp.id(200), n, 'upsert', 1, '2031-05-05 09:00:00+00',
    case n when 4 then '2031-05-03 10:04:00+00' else '2031-05-05 10:05:00+00' end::timestamptz
from generate_series(4, 6) as n;
insert into core.indexing_dead_letters
    (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, discarded_at)
values
    (pg_temp.id(1), pg_temp.id(100), 7, 'upsert', 1, 3, '2031-05-05 09:00:00+00', '2031-05-05 10:04:30+00', 'code', 'why', null),
    (pg_temp.id(2), pg_temp.id(200), 8, 'upsert', 1, 3, '2031-04-01 07:00:00+00', '2031-04-01 08:00:00+00', 'code', 'why',
        '2031-05-05 11:00:00+00');

-- listed
select is(pg_temp.nos('{}'), '2,3,1,5,6,7,4,8', 'unfinished ones, the oldest edit first; then finished ones, newest first');
select results_eq(
    $$select workspace_id, page_id, no, op, status, priority::integer, attempts::integer, error, enqueued_at, run_at,
        lease_until, finished_at
    from ops.list_indexing_entries() where no in (2, 3, 4, 7) order by no$$,
    $$values
    (pg_temp.id(1), pg_temp.id(100), 2, 'delete', 'pending', 100, 1, 'no',
        '2031-05-05 11:40:00+00'::timestamptz, '2031-05-05 12:05:00+00'::timestamptz, null::timestamptz,
        null::timestamptz),
    (pg_temp.id(1), pg_temp.id(101), 3, 'upsert', 'processing', 200, 1, null,
        '2031-05-05 11:45:00+00', '2031-05-05 11:45:00+00', '2031-05-05 12:01:00+00', null),
    (pg_temp.id(2), pg_temp.id(200), 4, 'upsert', 'completed', null, 1, null,
        '2031-05-05 09:00:00+00', null, null, '2031-05-03 10:04:00+00'),
    (pg_temp.id(1), pg_temp.id(100), 7, 'upsert', 'failed', null, 3, 'code: why',
        '2031-05-05 09:00:00+00', null, null, '2031-05-05 10:04:30+00')$$,
    'with status, attempts, error and times'
);
select is(pg_temp.nos(f.filter), f.nos, f.filter::text)
from (
    values
    ('{"status": "pending"}'::jsonb, '2,1'),
    ('{"status": "processing"}', '3'),
    ('{"status": "completed"}', '5,6,4'),
    ('{"status": "failed"}', '7,8'),
    (jsonb_build_object('workspace_id', pg_temp.id(2)), '5,6,4,8'),
    (jsonb_build_object('page_id', pg_temp.id(100)), '2,1,7'),
    ('{"no": "3"}', '3'),
    ('{"finished_after": "2031-05-05T10:04:30"}', '5,6,7'),
    ('{"finished_after": "2031-05-03T10:04:00"}', '5,6,7,4'),
    ('{"finished_after": "2031-04-01T08:00:00.000001"}', '5,6,7,4'),
    ('{"finished_after": "2031-04-01T08:00:00"}', '5,6,7,4,8'),
    ('{"finished_after": "2031-05-05T13:00:00"}', null),
    (jsonb_build_object('page_id', pg_temp.id(100), 'status', 'failed'), '7')
) as f (filter, nos);

-- in pages
select is(pg_temp.pages(p.size), p.pages, format('in pages of %s', p.size))
from (
    values
    (1, '2 3 1 5 6 7 4 8'), (2, '2,3 1,5 6,7 4,8'), (3, '2,3,1 5,6,7 4,8'), (5, '2,3,1,5,6 7,4,8'), (8, '2,3,1,5,6,7,4,8')
) as p (size, pages);

-- refused
select is(
    pg_temp.problem(format('select ops.list_indexing_entries(%L)', f.filter)),
    format('PT400 bad_filter {"parameter": "%s"}', f.parameter), format('%s is refused', f.filter)
) from (
    values
    ('[]', 'filter'), ('null', 'filter'), ('{"color": "red"}', 'color'), ('{"status": "done"}', 'status'),
    ('{"status": ""}', 'status'), ('{"status": null}', 'status'), ('{"page_id": "p"}', 'page_id'), ('{"no": -1}', 'no'),
    ('{"no": 1.5}', 'no'), ('{"finished_after": "soon"}', 'finished_after'), ('{"workspace_id": {}}', 'workspace_id')
) as f (filter, parameter);
select is(
    pg_temp.problem(format('select ops.list_indexing_entries(''{}'', %s)', l.size)),
    'PT400 bad_limit {"maximum": 1000, "minimum": 1}', format('a limit of %s is refused', l.size)
) from (values ('0'), ('1001'), ('null')) as l (size);
select is(
    pg_temp.problem(format('select ops.list_indexing_entries(''{}'', 1, %L)', c.cursor)), 'PT400 bad_cursor',
    'a cursor is one of the list''s'
) from (values ('x'), (core.encode_cursor('["infinity", null, null, null, null]'))) as c (cursor);

set local role quire_monitor;
select lives_ok('select * from ops.list_indexing_entries()', 'a monitor may look');
select * from finish();
rollback;

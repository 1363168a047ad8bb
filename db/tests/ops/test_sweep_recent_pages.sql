begin;
select plan(20);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at) values ('00000000-0000-0000-0000-00000000000a', 'editor', now());
insert into core.workspace_members (workspace_id, user_id, role, created_at)
values ('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 'editor', now());
create function pg_temp.at(p_time text) returns void language sql as $$
    select set_config('quire.fake_now', '2026-01-' || p_time || '+00', true)
$$;
create function pg_temp.save(p_id text) returns void language sql as $$
    select * from api.patch_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', p_id::uuid, '{*}', null,
        format('{"title": "%s again"}', p_id), 'merge', 100::smallint, null
    )
$$;
create function pg_temp.listed(p_within interval) returns text language sql as $$
    select coalesce(string_agg(right(p ->> 'id', 1), '' order by n), '')
    from api.list_pages(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', 50, null, p_within
    ) as l
    cross join jsonb_array_elements(l.body::jsonb -> 'pages') with ordinality as e (p, n)
$$;
create function pg_temp.recent() returns text language sql as $$
    select coalesce(string_agg(right(id::text, 1), '' order by id), '') from core.pages where recent
$$;
do $$
begin
    for v_n in 1..5 loop
        perform pg_temp.at(format('0%s 12:00:30', v_n));
        perform api.create_page(
            '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
            format('{"id": "00000000-0000-0000-0000-00000000000%s"}', v_n), 100::smallint
        );
    end loop;
end;
$$;

select is(pg_temp.recent(), '12345', 'a new page is recent');
select pg_temp.at('09 12:00:00');
select is(ops.sweep_recent_pages(10), 0, 'for eight days');
select pg_temp.at('09 12:01:00');
select is(ops.sweep_recent_pages(10), 1, 'to the minute');
select pg_temp.at('11 13:00:00');
select is(pg_temp.listed('7 days'), '5', 'a list of the last 7 days shows nothing older, swept or not');
select is(pg_temp.listed('100 days'), '54321', 'one of a longer time shows swept pages too');
select is(pg_temp.listed(null), '54321', 'and so does a list of all');
select is(ops.sweep_recent_pages(1), 1, 'no more than wanted at once');
select is(ops.sweep_recent_pages(10), 1, 'the rest with the next call');
select is(ops.sweep_recent_pages(10), 0, 'until none is left');
select is(pg_temp.recent(), '45', 'the others stay');
select results_eq(
    'select max(version), max(edited_minute), (select count(*)::integer from core.page_changes) from core.pages',
    $$values (1::bigint, '2026-01-05 12:00:00+00'::timestamptz, 5)$$,
    'a sweep is no edit'
);

-- Every way in which a page is edited brings it back.
select pg_temp.save('00000000-0000-0000-0000-000000000001');
select is(pg_temp.listed('7 days'), '15', 'a page that is edited after the sweep is listed again');
update core.pages set title = 'direct', version = version + 1 where id = '00000000-0000-0000-0000-000000000002';
select is(pg_temp.recent(), '1245', 'the old application''s update of a row');
select is(
    (select count(*)::integer from api.delete_page(
        '00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-000000000003', '{*}'
    )), 1, 'a deletion'
);
select is(pg_temp.recent(), '12345', 'is an edit as well');
select pg_temp.at('31 00:00:00');
select is(ops.sweep_recent_pages(10), 5, 'and all of them grow old again');
update public.pages set title = 'view', version = version + 1 where id = '00000000-0000-0000-0000-000000000004';
delete from public.pages where id = '00000000-0000-0000-0000-000000000005';
select is(pg_temp.recent(), '45', 'the old application''s view of pages');

select ok(not has_column_privilege('quire_api', 'core.pages', 'recent', 'select'), 'the flag is nobody''s business');
select ok(has_function_privilege('quire_worker', 'ops.sweep_recent_pages(integer)', 'execute'), 'the worker sweeps');
select ok(not has_function_privilege('quire_api', 'ops.sweep_recent_pages(integer)', 'execute'), 'the API does not');

select * from finish();
rollback;

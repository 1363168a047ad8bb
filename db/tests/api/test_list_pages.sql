begin;
select plan(17);

insert into core.workspaces (id, name, created_at) values ('00000000-0000-0000-0000-000000000001', 'w', now());
insert into core.users (id, name, created_at)
select id::uuid, name, now()
from (values
    ('00000000-0000-0000-0000-00000000000a', 'editor'), ('00000000-0000-0000-0000-00000000000b', 'viewer'),
    ('00000000-0000-0000-0000-00000000000c', 'stranger')
) as given (id, name);
insert into core.workspace_members (workspace_id, user_id, role, created_at)
select '00000000-0000-0000-0000-000000000001', id, name, now() from core.users where name <> 'stranger';
-- What an error says: SQLSTATE, slug, and operation and pointer where its detail has them.
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
    return concat_ws(
        ' ', v_state, v_slug, nullif(v_detail, '')::jsonb ->> 'operation', nullif(v_detail, '')::jsonb ->> 'pointer'
    );
end;
$$;
create function pg_temp.create_page(p_document text, p_actor text default 'a') returns jsonb language sql as $$
    select body::jsonb from api.create_page(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid, p_document,
        100::smallint
    )
$$;

create function pg_temp.list(p_limit integer, p_cursor text default null, p_within interval default null, p_actor text default 'b')
returns jsonb language sql as $$
    select body::jsonb from api.list_pages(
        '00000000-0000-0000-0000-000000000001', ('00000000-0000-0000-0000-00000000000' || p_actor)::uuid, p_limit, p_cursor, p_within
    )
$$;
create function pg_temp.walk(p_limit integer) returns text language plpgsql as $$
declare
    v_answer jsonb := pg_temp.list(p_limit);
    v_titles text := '';
begin
    loop
        v_titles := v_titles || coalesce((select string_agg(p ->> 'title', '') from jsonb_array_elements(v_answer -> 'pages') as p), '') || '|';
        exit when v_answer ->> 'next_cursor' is null;
        v_answer := pg_temp.list(p_limit, v_answer ->> 'next_cursor');
    end loop;
    return v_titles;
end;
$$;
select is(pg_temp.list(10), '{"pages": [], "next_cursor": null}', 'an empty workspace');
do $$
begin
    for i in 1..7 loop
        -- three in a minute, the last three of one moment
        perform set_config('quire.fake_now', ('2026-01-01 00:00:50+00'::timestamptz + least(i, 5) * interval '20 seconds')::text, true);
        perform pg_temp.create_page(format('{"id": "00000000-0000-0000-0000-00000000000%s", "title": "%s", "blocks": [{"type": "p"}]}', i, i));
    end loop;
end;
$$;
select is(pg_temp.walk(10), '7654321|', 'newest first, then by id');
select is(pg_temp.walk(3), '765|432|1|', 'in parts');
select is(pg_temp.walk(1), '7|6|5|4|3|2|1|', 'one by one');
select is(pg_temp.walk(7), '7654321|', 'no empty last part');
select is(
    pg_temp.list(1) #> '{pages,0}',
    '{"id": "00000000-0000-0000-0000-000000000007", "title": "7", "properties": {}, "version": 1,
        "created_at": "2026-01-01T00:02:30.000000Z", "updated_at": "2026-01-01T00:02:30.000000Z", "blocks": 1}',
    'what an entry says'
);
select is(jsonb_array_length(pg_temp.list(10, null, '41 seconds') -> 'pages'), 5, 'only what changed lately');
select lives_ok($q$ select * from api.delete_page('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-000000000005', '{*}') $q$, 'deleted');
select is(pg_temp.walk(10), '764321|', 'deleted pages are not listed');
select is(pg_temp.problem($q$ select pg_temp.list(0) $q$), 'PT400 bad_limit', 'a limit of 0');
select is(pg_temp.problem($q$ select pg_temp.list(201) $q$), 'PT400 bad_limit', 'a limit of 201');
select is(pg_temp.problem($q$ select pg_temp.list(1, 'nonsense') $q$), 'PT400 bad_cursor', 'a cursor that is none');
select is(pg_temp.problem($q$ select pg_temp.list(1, '') $q$), 'PT400 bad_cursor', 'an empty cursor');
select is(pg_temp.problem($q$ select pg_temp.list(1, '!!') $q$), 'PT400 bad_cursor', 'not base64');
select is(pg_temp.problem($q$ select pg_temp.list(1, core.encode_cursor('["infinity", "x", "y"]')) $q$), 'PT400 bad_cursor', 'other contents');
select is(pg_temp.problem($q$ select pg_temp.list(1, core.encode_cursor('["infinity", "infinity", null]')) $q$), 'PT400 bad_cursor', 'null inside');
select is(pg_temp.problem($q$ select pg_temp.list(1, null, null, 'c') $q$), 'PT404 workspace_not_found', 'a stranger');

select * from finish();
rollback;

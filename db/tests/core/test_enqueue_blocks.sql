begin;
select plan(13);
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
create function pg_temp.enqueue(p_nos integer[], p_deleted integer[] default '{}', p_priority integer default 100)
returns void language sql as $$
    select core.enqueue_blocks('00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100',
        p_nos, p_deleted, p_priority::smallint)
$$;
create function pg_temp.claim(
    p_lease integer, p_lane integer default 0, p_limit integer default 100, p_priority integer default 100,
    p_after bigint default -1
)
returns table (no integer, generation integer, ver bigint, body text)
language plpgsql as $$
declare
    v_lease constant uuid := '00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0');
    v_claimed record;
begin
    select c.* into v_claimed
    from indexing.claim(
        p_lane::smallint, p_priority::smallint, p_after, '{}', '{}', p_limit, v_lease, 60, null, '{hashing-384}'
    ) as c;
    return query
    select k.no, k.generation, k.ver, b.body
    from core.indexing_leases as l
    cross join unnest(l.nos, l.generations, l.vers) with ordinality as k (no, generation, ver, place)
    left join unnest(v_claimed.places, v_claimed.bodies) as b (place, body) on b.place = k.place
    where l.lease_id = v_lease
    order by k.place;
end;
$$;
create function pg_temp.queue() returns text language sql as $$
    select string_agg(format(
        '%s:%s lane %s gen %s att %s%s', q.no, q.op, q.lane, q.generation, q.attempts,
        case when q.lease_id is null then '' else ' leased' end), ', ' order by q.no)
    from core.indexing_queue as q
$$;

select pg_temp.enqueue('{0,1,2}', '{3}');
select is(
    pg_temp.queue(),
    '0:upsert lane 0 gen 1 att 0, 1:upsert lane 0 gen 1 att 0, '
    || '2:upsert lane 0 gen 1 att 0, 3:delete lane 0 gen 1 att 0',
    'every changed and deleted block waits, once'
);
create temporary table place as select q.no, q.ctid as was, q.xmin::text as made from core.indexing_queue as q;
select pg_temp.enqueue('{1}');
select is(
    (select q.ctid from core.indexing_queue as q where q.no = 1), (select was from place where no = 1),
    'a second edit of a waiting block writes no tuple'
);
select pg_temp.enqueue('{1}', '{}', 0);
select
    is(
        (select q.priority from core.indexing_queue as q where q.no = 1),
        0::smallint,
        'a more urgent edit raises the priority'
    );
select pg_temp.enqueue('{1}', '{}', 200);
select
    is(
        (select q.priority from core.indexing_queue as q where q.no = 1),
        0::smallint,
        'a less urgent one does not lower it'
    );
select pg_temp.enqueue('{}', '{1}');
select is((select q.op from core.indexing_queue as q where q.no = 1), 'delete', 'a deletion replaces a waiting edit');
select is(
    (select count(*) from pg_temp.claim(1)) + (select count(*) from pg_temp.claim(2, p_priority => 0)), 4::bigint,
    'all can be claimed at once'
);
select pg_temp.enqueue('{2}');
select is(
    (select q.generation || ' ' || q.attempts from core.indexing_queue as q where q.no = 2), '2 0',
    'an edit in flight raises the generation and starts anew'
);
update core.indexing_queue set lease_id = null, lane = 1, seq = 1 where no = 0;
select pg_temp.enqueue('{0}');
select is(
    (select q.lane || ' ' || (q.seq > 1)::text || ' ' || q.attempts from core.indexing_queue as q where q.no = 0),
    '0 true 0', 'an edit takes a suspect back to the batches, behind what waits'
);
delete from core.indexing_queue;
insert into core.indexing_dead_letters
values (
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    2,
    'upsert',
    1,
    3,
    now(),
    now(),
    'c',
    'e'
),
(
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    3,
    'upsert',
    1,
    3,
    now(),
    now(),
    'c',
    'e'
);
select pg_temp.enqueue('{2}');
select
    is(
        (select array_agg(d.no) from core.indexing_dead_letters as d),
        '{3}',
        'an edit heals its dead letter, and no other'
    );
delete from core.indexing_queue;
insert into core.search_entries values (
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    1,
    'b1',
    'paragraph',
    1,
    'x',
    '',
    '{}',
    core.clock() - interval '0.5 s'
);
select pg_temp.enqueue('{1,2}');
select is(
    (
        select string_agg(q.no || ' ' || (q.run_at - core.clock())::text, ', ' order by q.no)
        from core.indexing_queue as q
    ),
    '1 00:00:01, 2 00:00:00', 'a block indexed a moment ago settles for a second, another does not'
);
select set_config('quire.fake_now', '2031-05-05 12:00:00.2+00', true);
select pg_temp.enqueue('{1}');
select
    is(
        (select q.run_at from core.indexing_queue as q where q.no = 1),
        '2031-05-05 12:00:01+00',
        'it is not put off at each edit'
    );
select set_config('quire.fake_now', '2031-05-05 12:00:00.8+00', true);
select pg_temp.enqueue('{1}');
select is(
    (select q.run_at from core.indexing_queue as q where q.no = 1), '2031-05-05 12:00:01.8+00',
    'while edits go on it is put off'
);
update core.indexing_queue set run_at = '2031-05-05 12:00:05+00' where no = 1;
select set_config('quire.fake_now', '2031-05-05 12:00:04.7+00', true);
select pg_temp.enqueue('{1}');
select
    is(
        (select q.run_at from core.indexing_queue as q where q.no = 1),
        '2031-05-05 12:00:05+00',
        'but no longer than five seconds'
    );
select * from finish();
rollback;

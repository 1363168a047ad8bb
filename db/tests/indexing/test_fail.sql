begin;
select plan(15);
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
create function pg_temp.fail(p_lease integer, p_places integer[]) returns text
language sql as $$
    select a.retried || '/' || a.dead from (
        select array_agg('code'::text) as c, array_agg('reason 7'::text) as e from unnest(p_places)
    ) as s, indexing.fail(
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, p_places, s.c, s.e
    ) as a
$$;

select pg_temp.enqueue('{1,2}', '{}');
select lives_ok($$select * from pg_temp.claim(1)$$, 'claimed');
select is(pg_temp.fail(9, '{1}'), '0/0', 'who does not hold the lease fails nothing');
select is(pg_temp.fail(1, '{1}'), '1/0', 'a first failure is retried');
select is(pg_temp.queue(), '1:upsert lane 1 gen 1 att 1, 2:upsert lane 0 gen 1 att 1 leased', 'alone');
select ok((select
    q.run_at - core.clock() between interval '15 s' and interval '30 s'
    and q.seq = (extract(epoch from q.run_at) * 1000000)::bigint and q.last_error = 'code: reason 7'
from core.indexing_queue as q where q.no = 1), 'after 15 to 30 seconds, its due time in seq');
select set_config('quire.fake_now', '2031-05-05 13:00:00+00', true);
select is((select count(*) from pg_temp.claim(2, 1)), 1::bigint, 'claimed a second time');
select is(pg_temp.fail(2, '{1}'), '1/0', 'a second failure too');
select ok(
    (
        select q.run_at - core.clock() between interval '30 s' and interval '60 s'
        from core.indexing_queue as q
        where q.no = 1
    ),
    'after twice the time'
);
select set_config('quire.fake_now', '2031-05-05 14:00:00+00', true);
select is((select count(*) from pg_temp.claim(3, 1)), 1::bigint, 'claimed a third time');
select is(pg_temp.fail(3, '{1}'), '0/1', 'the third failure is the last');
select results_eq(
    $$select no, attempts, error_code, error, died_at from core.indexing_dead_letters$$,
    $$values (1, 3::smallint, 'code', 'reason 7', '2031-05-05 14:00:00+00'::timestamptz)$$, 'a dead letter says why'
);
select is(
    (select d.fingerprint from core.indexing_dead_letters as d), core.error_fingerprint('code', 'reason 8'),
    'and is grouped with those of the same cause'
);
select pg_temp.enqueue('{2}');
select is(pg_temp.fail(1, '{2}'), '1/0', 'a failure of text that was edited meanwhile');
select is(pg_temp.queue(), '2:upsert lane 0 gen 2 att 0', 'charges nothing: the new text starts anew');
select is(
    (select sum(c.value) from core.indexing_counters as c where c.name = 'failed'), 4::numeric, 'failures are counted'
);
select * from finish();
rollback;

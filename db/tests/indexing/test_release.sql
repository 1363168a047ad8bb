begin;
select plan(8);
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

select pg_temp.enqueue('{1,2}', '{}');
select lives_ok($$select * from pg_temp.claim(1)$$, 'claimed');
select is(indexing.renew_lease('00000000-0000-7000-8000-000000000001', 90), true, 'a lease is renewed');
select is((select min(l.expires_at) - core.clock() from core.indexing_leases as l), interval '90 s', 'from now on');
select is(indexing.renew_lease('00000000-0000-7000-8000-000000000002', 90), false, 'one that is lost is not');
select is(indexing.release('00000000-0000-7000-8000-000000000001', 40), 2, 'all rows are given back');
select is(pg_temp.queue(), '1:upsert lane 0 gen 1 att 0, 2:upsert lane 0 gen 1 att 0', 'uncharged');
select ok(
    (select bool_and(q.run_at - core.clock() = interval '40 s') from core.indexing_queue as q),
    'all due after the delay, so that they come in their order'
);
select is(indexing.release('00000000-0000-7000-8000-000000000001', 40), 0, 'once');
select * from finish();
rollback;

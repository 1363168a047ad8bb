begin;
select plan(7);
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
create function pg_temp.claim(p_lease integer, p_lane integer default 0, p_limit integer default 100)
returns table (no integer, op text, generation integer, attempts smallint, ver bigint, body text, embed_needed boolean)
language sql as $$
    select c.no, c.op, c.generation, c.attempts, c.ver, c.body, c.embed_needed
    from indexing.claim(
        p_lane::smallint, 0::smallint, 32767::smallint, '-1'::smallint, 0, p_limit,
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 60, 'hashing-384'
    ) as c
$$;
create function pg_temp.queue() returns text language sql as $$
    select string_agg(format(
        '%s:%s lane %s gen %s att %s%s', q.no, q.op, q.lane, q.generation, q.attempts,
        case when q.lease_id is null then '' else ' leased' end), ', ' order by q.no)
    from core.indexing_queue as q
$$;

select pg_temp.enqueue('{1,2}', '{}');
select lives_ok($$select * from pg_temp.claim(1)$$, 'claimed');
select is(indexing.renew_lease('00000000-0000-7000-8000-000000000001', 90), 2, 'a lease is renewed with all its rows');
select is((select min(q.lease_until) - core.clock() from core.indexing_queue as q), interval '90 s', 'from now on');
select is(indexing.renew_lease('00000000-0000-7000-8000-000000000002', 90), 0, 'a lease that is lost has no rows');
select is(indexing.release('00000000-0000-7000-8000-000000000001', 40), 2, 'all rows are given back');
select is(pg_temp.queue(), '1:upsert lane 0 gen 1 att 0, 2:upsert lane 0 gen 1 att 0', 'uncharged');
select ok(
    (
        select bool_and(q.run_at - core.clock() between interval '40 s' and interval '50 s')
        from core.indexing_queue as q
    ),
    'due after the delay and up to a quarter more'
);
select * from finish();
rollback;

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
create function pg_temp.claim(p_lease integer, p_lane integer default 0, p_limit integer default 100)
returns table (no integer, op text, generation integer, attempts smallint, ver bigint, body text, embed_needed boolean)
language sql as $$
    select c.no, c.op, c.generation, c.attempts, c.ver, c.body, c.embed_needed
    from indexing.claim(
        p_lane::smallint, 0::smallint, 32767::smallint, '-1'::smallint, 0, p_limit,
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 60, 'hashing-384'
    ) as c
$$;
create function pg_temp.write(p_lease integer, p_nos integer[], p_ver bigint, p_texts text[]) returns integer
language sql as $$
    select indexing.write_entries(
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 'hashing-384',
        array_agg('00000000-0000-7000-8000-000000000001'::uuid),
            array_agg('00000000-0000-7000-8000-000000000100'::uuid), array_agg(s.no), array_agg(p_ver),
        array_agg(sha256(convert_to(s.body, 'UTF8'))),
        array_agg(case when s.body <> '' then '[' || s.no + 1 || repeat(',0.5', 383) || ']' end)
    ) from unnest(p_nos, p_texts) as s (no, body)
$$;
create function pg_temp.ack(p_lease integer, p_nos integer[], p_generation integer, p_ver bigint) returns text
language sql as $$
    select a.done || '/' || a.again from (
        select array_agg('00000000-0000-7000-8000-000000000001'::uuid) as w,
            array_agg('00000000-0000-7000-8000-000000000100'::uuid) as p, array_agg(n) as n,
            array_agg(p_generation) as g, array_agg(p_ver) as v
        from unnest(p_nos) as n
    ) as s, indexing.ack(
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 'hashing-384', s.w, s.p, s.n, s.g, s.v
    ) as a
$$;
create function pg_temp.queue() returns text language sql as $$
    select string_agg(format(
        '%s:%s lane %s gen %s att %s%s', q.no, q.op, q.lane, q.generation, q.attempts,
        case when q.lease_id is null then '' else ' leased' end), ', ' order by q.no)
    from core.indexing_queue as q
$$;

select pg_temp.enqueue('{0,1,2}', '{}');
select lives_ok($$select * from pg_temp.claim(1)$$, 'claimed');
select is(pg_temp.ack(1, '{0}', 1, 1), '0/1', 'what is not written is not acked but given back');
update core.indexing_queue set
    lease_id = '00000000-0000-7000-8000-000000000001', lease_until = core.clock(), attempts = 1;
select is(pg_temp.write(1, '{0,1,2}', 1, '{Title,text 1,text 2}'), 3, 'vectors are written');
select is(pg_temp.write(1, '{0,1,2}', 1, '{Title,text 1,text 2}'), 0, 'and not a second time');
select is(pg_temp.write(2, '{0,1,2}', 9, '{Title,text 1,text 2}'), 0, 'nor for who does not hold the lease');
select pg_temp.enqueue('{2}');
select is(pg_temp.ack(1, '{0,1,2}', 1, 1), '2/1', 'written ones are done; one that was edited in flight is given back');
select is(pg_temp.queue(), '2:upsert lane 0 gen 2 att 0', 'only the edited one stays, uncharged');
select is((select q.run_at - core.clock() from core.indexing_queue as q), interval '1 s', 'and settles for a second');
select is(pg_temp.ack(1, '{0,1,2}', 1, 1), '0/0', 'an ack is not counted twice');
select
    is(
        (
            select count(*) || ' ' || max(d.attempts)
            from core.indexing_done as d
            where d.page_id = '00000000-0000-7000-8000-000000000100'
        ),
        '2 1',
        'the history has them'
    );
select is((select c.value from core.indexing_counters as c where c.name = 'done'), 2::bigint, 'so has the counter');
select results_eq(
    $$select no, type, ver, body from core.search_entries
        where page_id = '00000000-0000-7000-8000-000000000100' order by no$$,
    $$values (0, 'page', 1::bigint, 'Title'), (1, 'paragraph', 1::bigint, 'text 1'), (2, 'paragraph', 1::bigint,
        'text 2')$$,
    'entries hold the text'
);
update core.block_embeddings set ver = 5 where no = 2;
update core.blocks set ver = 4 where no = 2;
update core.indexing_queue set run_at = core.clock();
select lives_ok($$select * from pg_temp.claim(3)$$, 'claimed again');
select is(pg_temp.write(3, '{2}', 4, '{text 2}'), 0, 'an older vector never replaces a newer one');
select is(pg_temp.ack(3, '{2}', 2, 4), '1/0', 'and counts as written when a newer one is there');
select * from finish();
rollback;

begin;
select plan(24);
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
create function pg_temp.write(p_lease integer, p_places integer[]) returns integer
language sql as $$
    select indexing.write_entries(
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid,
        array_agg(s.place), array_agg('hashing-384'::text), array_agg('[' || s.place || repeat(',0.5', 383) || ']')
    ) from unnest(p_places) as s (place)
$$;
create function pg_temp.ack(p_lease integer, p_places integer[]) returns text
language sql as $$
    select a.done || '/' || a.again from indexing.ack(
        ('00000000-0000-7000-8000-' || lpad(p_lease::text, 12, '0'))::uuid, 'hashing-384', p_places
    ) as a
$$;

select pg_temp.enqueue('{0,1,2}', '{}');
select lives_ok($$select * from pg_temp.claim(1)$$, 'claimed');
select is(pg_temp.ack(1, '{1}'), '0/1', 'what is not written is not acked but given back');
update core.indexing_queue set lease_id = '00000000-0000-7000-8000-000000000001', attempts = 1;
select is(pg_temp.write(1, '{1,2,3}'), 3, 'vectors are written');
select is(pg_temp.write(1, '{1,2,3}'), 0, 'and not a second time');
select is(pg_temp.write(2, '{1,2,3}'), 0, 'nor for who does not hold the lease');
select pg_temp.enqueue('{2}');
select is(pg_temp.ack(1, null), '2/1', 'written ones are done; one that was edited in flight is given back');
select is(pg_temp.queue(), '2:upsert lane 0 gen 2 att 0', 'only the edited one stays, uncharged');
select is((select q.run_at - core.clock() from core.indexing_queue as q), interval '1 s', 'and settles for a second');
select is((select count(*) from core.indexing_leases), 0::bigint, 'the lease has ended');
select is(pg_temp.ack(1, null), '0/0', 'an ack is not counted twice');
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
select
    is((select sum(c.value) from core.indexing_counters as c where c.name = 'done'), 2::numeric, 'so has the counter');
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
select is(pg_temp.write(3, '{1}'), 0, 'an older vector never replaces a newer one');
select is(pg_temp.ack(3, '{1}'), '1/0', 'and counts as written when a newer one is there');

-- What was in search at the claim already.
select pg_temp.enqueue('{1,2,3}');
update core.indexing_queue set run_at = core.clock();
select lives_ok($$select * from pg_temp.claim(4)$$, 'claimed: two that are in search, one that is not');
select is(
    (select l.stale from core.indexing_leases as l where l.lease_id = '00000000-0000-7000-8000-000000000004'),
    '{f,f,t}', 'the lease knows which is stale'
);
delete from core.search_entries where no = 1;
delete from core.block_embeddings where no = 1;
select pg_temp.enqueue('{3}');
select is(pg_temp.ack(4, null), '2/1', 'only what was stale is looked up; what is not written or edited is given back');
select pg_temp.enqueue('{1}');
delete from core.indexing_queue where no > 1;
insert into core.search_entries (workspace_id, page_id, no, block_id, type, ver, body, body_tsv, data, indexed_at)
select b.workspace_id, b.page_id, b.no, b.id, b.type, b.ver, 'text 1', '', '{}', core.clock()
from core.blocks as b where b.no = 1;
insert into core.block_embeddings (workspace_id, page_id, no, model, ver, text_hash, vec)
select b.workspace_id, b.page_id, b.no, 'hashing-384', b.ver, sha256('text 1'), array_fill(0.5::real, '{384}')
from core.blocks as b where b.no = 1;
select is((select count(*) from pg_temp.claim(5)), 1::bigint, 'in search, claimed');
update core.indexing_leases set stale = null;
delete from core.search_entries where no = 1;
select is(pg_temp.ack(5, null), '0/1', 'a lease of before the column has everything looked up');

-- Rows are looked up where the claim left them.
delete from core.indexing_queue;
select pg_temp.enqueue('{0,2}');
update core.indexing_queue set run_at = core.clock();
select is((select count(*) from pg_temp.claim(6)), 2::bigint, 'two are claimed');
update core.indexing_leases set row_ids = array[row_ids[2], row_ids[1]];
select pg_temp.enqueue('{0}');
select is(pg_temp.ack(6, null), '1/1', 'where there is another row of the lease they are looked up by key');
select pg_temp.enqueue('{0,2}');
update core.indexing_queue set run_at = core.clock();
select pg_temp.claim(7);
update core.indexing_leases set row_ids = null;
select is(pg_temp.ack(7, null), '2/0', 'so is all of a lease of before places were noted');
select * from finish();
rollback;

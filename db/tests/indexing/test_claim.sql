begin;
select plan(17);
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

select pg_temp.enqueue('{0,1,2}', '{}');
select results_eq(
    $$select * from pg_temp.claim(1, p_limit => 2)$$,
    $$values (0, 1, 1::bigint, 'Title'), (1, 1, 1::bigint, 'text 1')$$,
    'claims in order of arrival, with what embedding needs'
);
select results_eq($$select no from pg_temp.claim(2)$$, $$values (2)$$, 'what is leased is not claimed again');
select
    is(
        (select max(l.expires_at) - core.clock() from core.indexing_leases as l),
        interval '60 s',
        'the lease has its length'
    );
select is((select sum(q.attempts) from core.indexing_queue as q), 3::bigint, 'each claim is an attempt');
select is((select c.rows from indexing.claim(
    0::smallint, 100::smallint, -1, '{}', '{}', 9, '00000000-0000-7000-8000-000000000003', 60, null, '{hashing-384}'
) as c), 0, 'where nothing is due there is no lease');
create function pg_temp.give_back() returns void language sql as $$
    delete from core.indexing_leases;
    update core.indexing_queue set lease_id = null, run_at = core.clock(), lane = 0, priority = 100;
$$;
select pg_temp.give_back();
update core.indexing_queue set run_at = core.clock() + interval '1 s' where no = 1;
select results_eq($$select no from pg_temp.claim(4)$$, $$values (0), (2)$$, 'what is not due is left');
select pg_temp.give_back();
update core.indexing_queue set priority = 200 where no = 0;
select results_eq($$select no from pg_temp.claim(5)$$, $$values (1), (2)$$, 'entries of one priority');
select pg_temp.give_back();
select results_eq(
    $$select no from pg_temp.claim(6, p_after => (select q.seq from core.indexing_queue as q where q.no = 1))$$,
    $$values (2)$$, 'behind the watermark'
);
select pg_temp.give_back();
update core.indexing_queue set lane = 1, run_at = core.clock() - interval '1 s',
seq = (extract(epoch from core.clock()) * 1000000)::bigint + case no when 1 then 1 else -1 end;
select results_eq($$select no from pg_temp.claim(7, 1)$$, $$values (0), (2)$$, 'suspects whose time in seq has come');
select pg_temp.give_back();
delete from core.blocks where no = 1;
select set_config('quire.saving', '00000000-0000-7000-8000-000000000100:2', true);
update core.pages set deleted_at = now(), version = version + 1 where id = '00000000-0000-7000-8000-000000000100';
select is(
    (select count(c.ver) + count(c.body) from pg_temp.claim(8) as c), 0::bigint,
    'a block that is gone, and every block of a deleted page, has no version: it is to be removed'
);
select pg_temp.give_back();
select set_config('quire.saving', '00000000-0000-7000-8000-000000000100:3', true);
update core.pages set deleted_at = null, version = version + 1 where id = '00000000-0000-7000-8000-000000000100';
insert into core.block_embeddings
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    2,
    'hashing-384',
    v.ver,
    sha256(v.body),
    ('[1' || repeat(',0', 383) || ']')::public.vector
from (values (0, 'text 2'::bytea)) as v (ver, body);
insert into core.blocks values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 1, 'b1', 'divider', '{}', 1
);
select results_eq(
    $$select no, body is not null from pg_temp.claim(9)$$, $$values (0, true), (1, false), (2, false)$$,
    'the same text, and no text, need no embedding'
);
select pg_temp.give_back();
update core.block_embeddings set ver = 1, text_hash = '' where no = 2;
select results_eq(
    $$select no, body is not null from pg_temp.claim(10)$$, $$values (0, true), (1, false), (2, false)$$,
    'nor does a version that has its vector'
);
select pg_temp.give_back();
insert into core.search_entries values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 2, 'b2', 'paragraph', 1, '', '',
    '{}', now()
);
select is(
    (select c.stale from indexing.claim(0::smallint, 100::smallint, -1, '{}', '{}', 9,
            '00000000-0000-7000-8000-000000000019', 60, null, '{hashing-384}') as c), '{1,2}'::integer[],
    'an entry with text and vector of its version is not stale'
);
select pg_temp.give_back();
insert into core.embedding_models values ('second', 3, 'shadow', now());
select results_eq(
    $$select places, models, bodies from indexing.claim(0::smallint, 100::smallint, -1, '{}', '{}', 9,
        '00000000-0000-7000-8000-000000000011', 60, null, '{hashing-384,second}')$$,
    $$values ('{1,1,3}'::integer[], '{hashing-384,second,second}'::text[], '{Title,Title,text 2}'::text[])$$,
    'each model gets the texts that it has no vector of'
);
select pg_temp.give_back();
insert into core.workspaces (id, name, created_at) values ('00000000-0000-7000-8000-000000000002', 'w', now());
insert into core.indexing_queue (workspace_id, page_id, no, run_at, enqueued_at)
select '00000000-0000-7000-8000-000000000002', '00000000-0000-7000-8000-000000000200', n, core.clock(), core.clock()
from generate_series(1, 50) as n;
select results_eq(
    $$select rows, workspace_rows from indexing.claim(0::smallint, 100::smallint, -1,
        '{00000000-0000-7000-8000-000000000002,00000000-0000-7000-8000-000000000001}', '{-1,-1}', 4,
        '00000000-0000-7000-8000-000000000012', 60, null, '{hashing-384}')$$,
    $$values (4, '{2,2}'::integer[])$$, 'of several workspaces, as many of each'
);
select results_eq(
    $$select rows, workspace_rows from indexing.claim(0::smallint, 100::smallint, -1,
        '{00000000-0000-7000-8000-000000000002,00000000-0000-7000-8000-000000000001}', array[
            (select q.seq - 1 from core.indexing_queue as q where q.no = 50), -1], 20,
        '00000000-0000-7000-8000-000000000013', 60, null, '{hashing-384}')$$,
    $$values (2, '{1,1}'::integer[])$$, 'each behind its own watermark'
);
select pg_temp.give_back();
update core.indexing_control set paused = true;
select is_empty($$select * from pg_temp.claim(14)$$, 'while paused there is nothing to do');
select * from finish();
rollback;

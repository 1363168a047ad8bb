begin;
select plan(9);
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

select pg_temp.enqueue('{0,1,2}', '{}');
select results_eq(
    $$select * from pg_temp.claim(1, p_limit => 2)$$,
    $$values (0, 'upsert', 1, 1::smallint, 1::bigint, 'Title', true), (1, 'upsert', 1, 1::smallint, 1::bigint,
        'text 1', true)$$,
    'claims in order of arrival, with what embedding needs'
);
select results_eq($$select no from pg_temp.claim(2)$$, $$values (2)$$, 'what is leased is not claimed again');
select
    is(
        (select max(q.lease_until) - core.clock() from core.indexing_queue as q),
        interval '60 s',
        'the lease has its length'
    );
update core.indexing_queue set lease_id = null, lease_until = null, run_at = core.clock() + interval '1 s' where no = 1;
update core.indexing_queue set lease_id = null, lease_until = null where no <> 1;
select results_eq($$select no from pg_temp.claim(3)$$, $$values (0), (2)$$, 'what is not due is left');
update core.indexing_queue set lease_id = null, lease_until = null, run_at = core.clock(), priority = 200 where no = 0;
update core.indexing_queue set lease_id = null, lease_until = null, run_at = core.clock() where no > 0;
select results_eq($$select no from pg_temp.claim(4, p_limit => 2)$$, $$values (1), (2)$$, 'urgent ones first');
update core.indexing_queue set lease_id = null, lease_until = null;
select results_eq(
    $$select c.no from indexing.claim(0::smallint, 100::smallint, 199::smallint, 100::smallint,
        (select q.seq from core.indexing_queue as q where q.no = 1), 10, '00000000-0000-7000-8000-000000000100',
            60, 'hashing-384') as c$$,
    $$values (2)$$, 'behind the watermark, in the range of priorities'
);
update
    core.indexing_queue set lease_id = null, lease_until = null, lane = 1, run_at = core.clock() - interval '1 s',
seq = (extract(epoch from core.clock()) * 1000000)::bigint + case no when 1 then 1 else -1 end;
select
    results_eq($$select no from pg_temp.claim(5, 1)$$, $$values (2), (0)$$, 'suspects when the time in seq has come');
update core.indexing_queue set lease_id = null, lease_until = null, lane = 0;
delete from core.blocks where no = 1;
select set_config('quire.saving', '00000000-0000-7000-8000-000000000100:2', true);
update core.pages set deleted_at = now(), version = version + 1 where id = '00000000-0000-7000-8000-000000000100';
select is(
    (select string_agg(distinct c.op || c.embed_needed, ' ') from pg_temp.claim(6) as c), 'deletefalse',
    'a block that is gone, and every block of a deleted page, is to be removed'
);
update core.indexing_queue set lease_id = null, lease_until = null;
select set_config('quire.saving', '00000000-0000-7000-8000-000000000100:3', true);
update core.pages set deleted_at = null, version = version + 1 where id = '00000000-0000-7000-8000-000000000100';
insert into core.block_embeddings
select
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    2,
    'hashing-384',
    1,
    sha256('text 2'),
    ('[1' || repeat(',0', 383) || ']')::public.vector;
insert into core.blocks values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 1, 'b1', 'divider', '{}', 1
);
select results_eq(
    $$select no, embed_needed from pg_temp.claim(7) order by no$$, $$values (0, true), (1, false), (2, false)$$,
    'the same text, and no text, need no embedding'
);
select * from finish();
rollback;

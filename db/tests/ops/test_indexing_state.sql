begin;
select plan(14);
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

select pg_temp.enqueue('{0,1,2,3}', '{}');
do $$ begin perform pg_temp.claim(1, 0, 1); end $$;
update core.indexing_queue set run_at = core.clock() + interval '1 minute' where no = 3;
insert into core.indexing_dead_letters values (
    '00000000-0000-7000-8000-000000000001',
    '00000000-0000-7000-8000-000000000100',
    9,
    'upsert',
    1,
    3,
    now(),
    now(),
    'code',
    'reason',
    'ffffffffffffffff'
);
insert into core.indexing_done values (
    '00000000-0000-7000-8000-000000000001', '00000000-0000-7000-8000-000000000100', 8, 'delete', 2, now(), now()
);
select set_config('quire.fake_now', '2031-05-05 12:00:30+00', true);
select results_eq(
    'select pending, backing_off, processing, dead, oldest_seconds, exact from ops.indexing_state()',
    'values (2::bigint, 1::bigint, 1::bigint, 1::bigint, 30::double precision, true)', 'depth by state, and the oldest'
);
select
    results_eq(
        'select ready, oldest_seconds from indexing.count_ready(100)',
        'values (2, 30::double precision)',
        'what is ready'
    );
select results_eq('select ready from indexing.count_ready(1)', 'values (1)', 'counted up to a limit');
insert into core.indexing_stats (
    at, measured_at, ready, processing, backing_off, dead, oldest_ready_seconds, lag_seconds, done_total, failed_total,
    dead_total, workers, dead_tuples, oldest_xmin_seconds, exact, heads, last_seq, next_xid
) values (
    '2031-05-05 12:00:20+00', '2031-05-05 12:00:21+00', 70, 0, 0, 0, 3, 3, 0, 0, 0, 0, 9000000, 600, true, '{}', 0, 0
);
select results_eq('select ready from indexing.count_ready(100)', 'values (2)', 'by a look while that is cheap');
update core.indexing_stats set exact = false;
select results_eq(
    'select ready, oldest_seconds from indexing.count_ready(50)', 'values (50, 3::double precision)',
    'behind millions of dead rows what the statistics said'
);
select set_config('quire.fake_now', '2031-05-05 12:00:46+00', true);
select results_eq('select ready from indexing.count_ready(50)', 'values (2)', 'unless that is long ago');
select set_config('quire.fake_now', '2031-05-05 12:00:30+00', true);

-- The provider is out: entry 1 was put off, entry 2 was not.
update core.indexing_queue set last_error = 'its provider was out' where no = 1;
create function pg_temp.depth() returns text language sql as $$
    select format('%s ready for %s s, %s back off', s.pending, s.oldest_seconds, s.backing_off) from ops.indexing_state() as s
$$;
select is(pg_temp.depth(), '2 ready for 30 s, 1 back off', 'before it');
select indexing.open_breaker((select m.name from core.embedding_models as m where m.state = 'active'), 5, false, '503');
select is(pg_temp.depth(), '1 ready for 30 s, 2 back off', 'what waits for it is not ready');
update core.indexing_queue set enqueued_at = core.clock(), run_at = core.clock() where no = 2;
select set_config('quire.fake_now', '2031-05-05 12:00:36+00', true);
select is(
    pg_temp.depth(), '1 ready for 6 s, 2 back off', 'until it answers, although somebody may ask; nor does it make it old'
);
update core.indexing_stats set exact = true;
select results_eq('select ready from indexing.count_ready(100)', 'values (2)', 'for it, workers are woken');
update core.indexing_stats set measured_at = core.clock(), at = '2031-05-05 12:00:30+00', ready = 0, backing_off = 60,
    oldest_ready_seconds = 0, exact = false;
select results_eq(
    'select ready, oldest_seconds from indexing.count_ready(50)', 'values (50, 6::double precision)',
    'also where only the statistics say so: for as long as nobody has asked'
);
select indexing.close_breaker((select m.name from core.embedding_models as m where m.state = 'active'));
update core.indexing_queue set last_error = null where no = 1;
update core.indexing_queue set run_at = core.clock() - interval '36 s' where no = 2;
select set_config('quire.fake_now', '2031-05-05 12:00:30+00', true);
select results_eq(
    $$select no, status, attempts::integer, error, enqueued_at is not null, run_at - core.clock(),
            lease_until - core.clock(), finished_at is not null
        from ops.indexing_entries where page_id = '00000000-0000-7000-8000-000000000100' order by no$$,
    $$values
    (0, 'processing', 1, null, true, interval '-30 s', interval '30 s', false),
    (1, 'pending', 0, null, true, interval '-30 s', null, false),
    (2, 'pending', 0, null, true, interval '-30 s', null, false),
    (3, 'pending', 0, null, true, interval '30 s', null, false),
    (8, 'completed', 2, null, true, null, null, true),
    (9, 'failed', 3, 'code: reason', true, null, null, true)$$,
    'every entry is shown with its status, attempts, error and times'
);
set local role quire_monitor;
select lives_ok('select * from ops.indexing_entries limit 1', 'a monitor may look');
select throws_ok('select * from core.indexing_queue', '42501', null, 'through the view only');
select * from finish();
rollback;

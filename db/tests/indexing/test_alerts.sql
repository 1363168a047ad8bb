-- indexing.claim_alerts, finish_alerts, retry_alerts; ops.purge_indexing_alerts.
begin;
select plan(30);

create function pg_temp.id(p_no integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-' || lpad(p_no::text, 12, '0'))::uuid
$$;
create function pg_temp.now(p_time text) returns text language sql as $$
    select set_config('quire.fake_now', '2031-05-05 ' || p_time || '+00', true)
$$;
create function pg_temp.bury(p_workspace integer, p_no integer, p_error text) returns void language sql as $$
    insert into core.indexing_dead_letters
        (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
    values (
        pg_temp.id(p_workspace), pg_temp.id(100), p_no, 'upsert', 1, 3, core.clock(), core.clock(), 'code', p_error,
        core.error_fingerprint('code', p_error)
    )
$$;
create function pg_temp.claim(p_claim integer, p_limit integer default 10) returns text language sql as $$
    select string_agg(
        format('%s new of %s in %s', c.news, c.entries, c.workspaces), ', ' order by c.entries
    )
    from indexing.claim_alerts(pg_temp.id(p_claim), 60, p_limit) as c
$$;

select pg_temp.now('12:00:00');
select is(pg_temp.claim(1), null, 'no dead letter, no alert');
select pg_temp.bury(1, 1, 'one');
select pg_temp.now('12:00:10');
select pg_temp.bury(2, 2, 'one');
select results_eq(
    $$select * from indexing.claim_alerts(pg_temp.id(1), 60, 10)$$,
    $$values (core.error_fingerprint('code', 'one'), 'code', 2::bigint, 2::bigint, 2::bigint,
        array[pg_temp.id(1), pg_temp.id(2)], '2031-05-05 12:00:00+00'::timestamptz, core.clock())$$,
    'a group is claimed with what is to be said of it'
);
select is(pg_temp.claim(2), null, 'nobody else gets it');
select is(indexing.finish_alerts(pg_temp.id(1)), 1, 'it is sent');
select is(indexing.finish_alerts(pg_temp.id(1)), 0, 'once');
select pg_temp.now('12:59:00');
select pg_temp.bury(2, 3, 'one');
select is(pg_temp.claim(3), null, 'within an hour nothing more is said of it');
select pg_temp.bury(2, 4, 'two');
select is(pg_temp.claim(4), '1 new of 1 in 1', 'but of another group');
select is(indexing.finish_alerts(pg_temp.id(4)), 1, 'which is sent');
select pg_temp.now('13:00:10');
select is(pg_temp.claim(5), '1 new of 3 in 2', 'after an hour what died meanwhile is news');
select indexing.finish_alerts(pg_temp.id(5));
select pg_temp.now('19:00:00');
select is(pg_temp.claim(6), null, 'what has been said is not said again, however late');

-- a lost worker
select pg_temp.bury(1, 5, 'one');
select is(pg_temp.claim(7), '1 new of 4 in 2', 'claimed by a worker that is killed');
select pg_temp.now('19:00:59');
select is(pg_temp.claim(8), null, 'while its claim lasts nobody else');
select pg_temp.now('19:01:00');
select is(pg_temp.claim(9), '1 new of 4 in 2', 'then it is said by another');
select is(indexing.finish_alerts(pg_temp.id(7)), 0, 'the first comes too late');
select is(indexing.retry_alerts(pg_temp.id(7), 'late', 0), 0, 'whatever became of it');

-- a failed try
select is(indexing.retry_alerts(pg_temp.id(9), 'HTTP 500', 0), 1, 'the webhook does not take it');
select ok(
    (select a.due_at - core.clock() between '5 s' and '10 s' and a.attempts = 1 and a.last_error = 'HTTP 500'
    from core.indexing_alerts as a where a.fingerprint = core.error_fingerprint('code', 'one')),
    'it is tried again after 5 to 10 seconds'
);
select pg_temp.now('19:01:10');
select is(pg_temp.claim(10), '1 new of 4 in 2', 'with the same to say');
select indexing.retry_alerts(pg_temp.id(10), 'HTTP 500', 0);
select ok(
    (select a.due_at - core.clock() between '10 s' and '20 s'
    from core.indexing_alerts as a where a.fingerprint = core.error_fingerprint('code', 'one')),
    'then after twice that'
);
select pg_temp.now('19:02:00');
select pg_temp.claim(11);
select indexing.retry_alerts(pg_temp.id(11), 'HTTP 429', 300);
select ok(
    (select a.due_at - core.clock() = '300 s'
    from core.indexing_alerts as a where a.fingerprint = core.error_fingerprint('code', 'one')),
    'and not before the webhook wants to be asked'
);
update core.indexing_alerts set attempts = 40;
select pg_temp.now('19:30:00');
select pg_temp.claim(12);
select indexing.retry_alerts(pg_temp.id(12), 'HTTP 500', 0);
select ok(
    (select a.due_at - core.clock() between '450 s' and '900 s'
    from core.indexing_alerts as a where a.fingerprint = core.error_fingerprint('code', 'one')),
    'never later than after 15 minutes, and never given up'
);

-- what is not there any more
select pg_temp.now('20:00:00');
select ops.discard_dead_letters('{}');
select is(pg_temp.claim(13), null, 'what was discarded is not news');
select pg_temp.bury(3, n, 'many ' || repeat('x', n)) from generate_series(1, 5) as n;
select is(pg_temp.claim(14, 3), '1 new of 1 in 1, 1 new of 1 in 1, 1 new of 1 in 1', 'so many groups a message');
select is(pg_temp.claim(15, 3), '1 new of 1 in 1, 1 new of 1 in 1', 'the others in the next');

select results_eq(
    $$select labels ->> 'outcome', value from ops.metrics() where name = 'quire_indexing_alerts_total' order by 1$$,
    $$values ('failed', 4::float8), ('sent', 3)$$, 'both outcomes are counted'
);
select results_eq(
    $$select labels ->> 'error_code', value from ops.metrics() where name = 'quire_indexing_dead_letters_by_code'$$,
    $$values ('code', 5::float8)$$, 'and open dead letters by code'
);
insert into core.indexing_dead_letters
    (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error)
select pg_temp.id(1), pg_temp.id(300), n, 'upsert', 1, 3, now(), now(), 'code ' || n, 'e'
from generate_series(1, 30) as n;
select ok(
    (select count(*) = 21 and sum(value) = 35
    from ops.metrics() where name = 'quire_indexing_dead_letters_by_code'),
    'of which only the most frequent are named'
);

delete from core.indexing_dead_letters where no <> 1;
update core.indexing_alerts set claim_id = null, claimed_until = null, claimed_died_at = null;
select is(ops.purge_indexing_alerts(100), 0, 'alerts are remembered');
select set_config('quire.fake_now', '2031-07-05 12:00:00+00', true);
select is(ops.purge_indexing_alerts(100), 5, 'for 30 days');
select is(
    (select count(*) from core.indexing_alerts as a
    where not exists (select from core.indexing_dead_letters as d where d.fingerprint = a.fingerprint)), 0::bigint,
    'but for groups that have dead letters'
);

select * from finish();
rollback;

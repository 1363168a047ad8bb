-- ops.purge_rate_buckets: buckets that say nothing any more go; a live one is never touched.
begin;
select plan(13);

select set_config('quire.fake_now', '2031-01-01 12:00:00+00', true);
insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('long', 5, 7200, 0, 'user', 'enforce', 'open'), ('blocking', 5, 60, 86400, 'user', 'enforce', 'open');
insert into core.rate_buckets (policy, key, hits, blocked_until, ok, hit_at)
select b.policy, b.key, array[b.at], b.blocked_until, true, b.at
from (
    select v.policy, v.key, v.at::timestamptz, v.blocked_until::timestamptz
    from (values
        ('page-save', 'just now', '2031-01-01 11:59:59+00', null),
        ('page-save', 'an hour ago', '2031-01-01 11:00:00+00', null),
        ('page-save', 'longer ago', '2031-01-01 10:59:59+00', null),
        ('page-save', 'was blocked', '2031-01-01 10:00:00+00', '2031-01-01 10:01:00+00'),
        ('long', 'in its window', '2031-01-01 10:00:00+00', null),
        ('long', 'past its window', '2031-01-01 09:59:59+00', null),
        ('blocking', 'is blocked', '2031-01-01 10:00:00+00', '2031-01-02 10:00:00+00'),
        ('blocking', 'could be blocked', '2031-01-01 10:00:00+00', null),
        ('gone', 'of no policy', '2031-01-01 10:00:00+00', null),
        ('gone', 'of no policy, used', '2031-01-01 11:30:00+00', null)
    ) as v (policy, key, at, blocked_until)
) as b;
create function pg_temp.take(p_bookmark jsonb, p_limit integer) returns text language sql as $$
    select concat_ws(' ', rows, more, bookmark ->> 'key') from ops.purge_rate_buckets(p_bookmark, p_limit)
$$;
create temporary table preview as select * from ops.preview_purge('purge_rate_buckets');
savepoint all_there;
select is(pg_temp.take(null, 100), '4 f', 'what is idle goes');
select is(
    (select rows from preview), 4::bigint, 'as foretold'
);
select set_eq(
    'select key from core.rate_buckets',
    array['just now', 'an hour ago', 'in its window', 'is blocked', 'could be blocked', 'of no policy, used'],
    'an hour unused, and no hit in window or block'
);
select is(pg_temp.take(null, 100), '0 f', 'once');
rollback to all_there;

-- by key: blocking (2), gone (2), long (2), page-save (4)
select is(pg_temp.take(null, 3), '1 t of no policy', 'a slice of keys a call');
select is(pg_temp.take('{"policy": "gone", "key": "of no policy"}', 3), '1 t past its window', 'then the next');
select is(pg_temp.take('{"policy": "long", "key": "past its window"}', 4), '2 t was blocked', 'up to the last key');
select is(pg_temp.take('{"policy": "page-save", "key": "was blocked"}', 4), '0 f', 'and its end');
rollback to all_there;

-- the limiter decides alike with and without them
do $$ begin perform ops.purge_rate_buckets(null, 100); end $$;
select results_eq(
    $$
        select k.key, (core.take_limit(jsonb_populate_record(p, '{"points": 1}'), k.key, 1)).decision
        from core.rate_policies as p
        cross join unnest(array['longer ago', 'was blocked', 'just now']) as k (key)
        where p.name = 'page-save'
    $$,
    $$ values ('longer ago', 'allowed'), ('was blocked', 'allowed'), ('just now', 'limited') $$, 'a key is let in as before'
);
select is((ops.run_periodic('purge_rate_buckets', 'command')).outcome, 'done', 'it is on the list');
select is((select bookmark from ops.periodic_progress where task = 'purge_rate_buckets'), null, 'and begins anew at the end');
select is((select rows_total from ops.periodic_progress where task = 'purge_rate_buckets'), 0::bigint, 'what is gone is not counted again');
select ok(
    has_function_privilege('quire_worker', 'ops.purge_rate_buckets(jsonb, integer)', 'execute')
    and not has_function_privilege('quire_api', 'ops.purge_rate_buckets(jsonb, integer)', 'execute'),
    'the worker may, the API may not'
);

select * from finish();
rollback;

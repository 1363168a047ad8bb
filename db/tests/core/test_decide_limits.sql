-- core.decide_limits with several policies: all or nothing, who decides, dry runs, what is counted by what; refunds.
begin;
select plan(51);

create function pg_temp.at(p_seconds numeric) returns void language sql as $$
    select set_config(
        'quire.fake_now', (timestamptz '2030-01-01 00:00:00Z' + make_interval(secs => p_seconds))::text, true
    );
$$;
create function pg_temp.used(p_policy text) returns integer language sql as $$
    select coalesce(sum(cardinality(b.hits)), 0)::integer from core.rate_buckets as b where b.policy = p_policy;
$$;
create function pg_temp.decide(p_policies text[], p_costs integer[]) returns text language sql as $$
    select string_agg(concat_ws(' ', d.policy, d.decision, d.remaining, d.retry_after), ', ')
    from core.decide_limits(
        p_policies, p_costs, '00000000-0000-0000-0000-00000000000a', '00000000-0000-0000-0000-00000000000b',
        '00000000-0000-0000-0000-00000000000c', '192.0.2.1'
    ) as d;
$$;
insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('a', 5, 10, 20, 'user', 'enforce', 'open'),
('b', 2, 10, 0, 'token', 'enforce', 'open'),
('c', 9, 60, 90, 'workspace', 'enforce', 'closed'),
('d', 1, 10, 10, 'peer', 'dry-run', 'closed');
select pg_temp.at(0);

-- All within: the fewest points left decide
select is(pg_temp.decide('{c,a,b}', '{1,1,1}'), 'b allowed 1, a allowed 4, c allowed 8', 'the tightest comes first');
select is(pg_temp.decide('{a,b}', '{4,1}'), 'a allowed 0, b allowed 0', 'each at its own cost');
select is((select count(*) from core.decide_limits('{a}', '{0}', gen_random_uuid(), null, null, null)), 1::bigint, 'one policy is one row');

-- All or nothing
select pg_temp.at(100);
select pg_temp.decide('{b}', '{2}');
select is(pg_temp.decide('{a,b,c}', '{3,1,1}'), 'b limited 0 10', 'one refuses: its row alone is answered');
select is(pg_temp.used('a'), 5, 'and the one before it has given nothing');
select is(pg_temp.used('c'), 1, 'nor the one behind it');
select pg_temp.at(110);
select is(pg_temp.decide('{a,b,c}', '{3,1,1}'), 'b allowed 1, a allowed 2, c allowed 8', 'who waited gets in by all of them');

-- ... also when the refusal is only found behind the lock
select pg_temp.at(200);
select pg_temp.decide('{c}', '{9}');
select is(pg_temp.decide('{a,b,c}', '{1,1,1}'), 'c limited 0 90', 'the last in line refuses, and blocks');
select is(pg_temp.used('b'), 0, 'what the others had given by then comes back');
select is(pg_temp.used('a'), 0, 'all of it');
select is(pg_temp.decide('{a,b,c}', '{1,1,1}'), 'c blocked 0 90', 'in the block nothing is even tried');
select pg_temp.at(250);
select pg_temp.decide('{a}', '{5}');
select is(
    pg_temp.decide('{a,c}', '{1,1}'), 'c blocked 0 40, a limited 0 10',
    'two refuse, and nothing is written: c in its block, a as far as can be seen'
);
select is((select blocked_until from core.rate_buckets where policy = 'a'), null, 'being refused by c is no reason for a to block');
select is(pg_temp.decide('{a,b}', '{1,1}'), 'a limited 0 20', 'a goes over');
select pg_temp.decide('{b}', '{2}');
select is(pg_temp.decide('{b,a}', '{1,1}'), 'a blocked 0 20, b limited 0 10', 'both refuse: the longer wait decides');
select pg_temp.at(290);
select is(pg_temp.decide('{a,b,c}', '{1,1,1}'), 'b allowed 1, a allowed 4, c allowed 8', 'who waits for the longest gets in by all');

-- The same policy in another order, and twice
select is(pg_temp.decide('{b,a}', '{1,4}'), 'a allowed 0, b allowed 0', 'the order given does not matter');
select throws_ok($$select pg_temp.decide('{a,nowhere}', '{1,1}')$$, 'P0001', null, 'an unknown policy is our own fault');
select throws_ok($$select pg_temp.decide('{a,b}', '{1}')$$, 'PT400', null, 'and so is a missing cost');
select throws_ok($$select pg_temp.decide('{a,b}', '{1,3}')$$, 'PT400', null, 'cost > limit of one of them');
select throws_ok($$select pg_temp.decide('{}', '{}')$$, 'P0001', null, 'no policy decides nothing');

-- Dry runs
select pg_temp.at(1000);
select is(pg_temp.decide('{a,d}', '{1,1}'), 'a allowed 4, d allowed 0', 'a dry-run policy counts, and never comes first');
select is(pg_temp.decide('{a,d}', '{1,1}'), 'a allowed 3, d observed 0 10', 'it observes, and the other decides');
select is(pg_temp.decide('{a,d}', '{1,1}'), 'a allowed 2, d observed 0 10', 'in its block too');
select is(pg_temp.decide('{d}', '{1}'), 'd observed 0 10', 'alone it decides nothing but says so');
select is(pg_temp.decide('{a,d}', '{1,2}'), 'a allowed 1, d observed 0 10', 'a cost over its limit refuses nobody');
select pg_temp.at(1100);
select is(pg_temp.decide('{d}', '{2}'), 'd observed 1 10', 'even in an empty window');

-- Cost 0, and what is refused without a block: read only
select pg_temp.at(1200);
select is(pg_temp.decide('{a,b}', '{0,0}'), 'b allowed 2, a allowed 5', 'cost 0 only looks');
create temporary table seen as select b.policy, b.key, b.hit_at, b.ctid::text as place from core.rate_buckets as b;
select pg_temp.decide('{a,b}', '{0,0}');
select is_empty(
    'select policy, key, hit_at, ctid::text from core.rate_buckets except select policy, key, hit_at, place from seen',
    'and writes nothing'
);
select pg_temp.decide('{b}', '{2}');
create temporary table seen_full as select b.policy, b.ctid::text as place from core.rate_buckets as b;
select is(pg_temp.decide('{b}', '{1}'), 'b limited 0 10', 'a policy without a block refuses');
select is_empty(
    'select policy, ctid::text from core.rate_buckets except select policy, place from seen_full', 'and writes nothing'
);

-- What is counted by what
select pg_temp.at(2000);
select pg_temp.decide('{a,b,c,d}', '{1,1,1,1}');
select set_eq(
    'select policy, key from core.rate_buckets where hit_at = core.clock()',
    $$values ('a', '00000000-0000-0000-0000-00000000000a'), ('b', '00000000-0000-0000-0000-00000000000b'),
        ('c', '00000000-0000-0000-0000-00000000000a'), ('d', '192.0.2.1')$$,
    'by user, token and peer; by workspace a stranger counts for himself'
);
select ops.create_workspace('w') as workspace_id into temporary table places;
select ops.create_user('member') as user_id into temporary table people;
select ops.add_member(p.workspace_id, u.user_id, 'viewer') from places as p cross join people as u;
select is(
    (select core.limit_key('workspace', u.user_id, null, p.workspace_id, 'x') from places as p cross join people as u),
    (select p.workspace_id::text from places as p), 'a member counts by the workspace'
);
select is(
    (
        select core.limit_key('workspace', '00000000-0000-0000-0000-00000000000a', null, p.workspace_id, 'x')
        from places as p
    ),
    '00000000-0000-0000-0000-00000000000a', 'who is none of its members for himself'
);
select is(core.limit_key('token', '00000000-0000-0000-0000-00000000000a', null, null, 'x'),
    '00000000-0000-0000-0000-00000000000a', 'without a token its user counts');
select is(core.limit_key('user', null, null, null, 'x'), 'x', 'without a user its peer');

-- Refunds
select pg_temp.at(3000);
create function pg_temp.refund(
    p_policies text[], p_costs integer[], p_seconds numeric[], p_instead text default null
) returns integer
language sql as $$
    select r.points from api.refund(
        '00000000-0000-0000-0000-00000000000c', '00000000-0000-0000-0000-00000000000a',
        '00000000-0000-0000-0000-00000000000b', '192.0.2.1', p_policies, p_costs,
        array(select timestamptz '2030-01-01 00:00:00Z' + make_interval(secs => s) from unnest(p_seconds) as s), p_instead
    ) as r;
$$;
select pg_temp.decide('{a,b}', '{2,1}');
select pg_temp.at(3001);
select pg_temp.decide('{a,b}', '{3,1}');
select is(pg_temp.refund('{a,b}', '{2,1}', '{3000,3000}'), 3, 'the points of one hit come back, of every policy');
select is(
    (
        select array_agg(extract(epoch from h.at - timestamptz '2030-01-01 00:00:00Z')::integer)
        from core.rate_buckets as b
        cross join lateral unnest(b.hits) as h (at)
        where b.policy = 'a'
    ),
    '{3001,3001,3001}', 'that very hit''s'
);
select is(pg_temp.refund('{a,b}', '{2,1}', '{3000,3000}'), 0, 'and only once');
select is(pg_temp.refund('{a}', '{1}', '{3000.5}'), 0, 'what was never taken cannot come back');
select pg_temp.refund('{a}', '{100}', '{3001}');
select is(pg_temp.used('a'), 0, 'all of them');
select is(pg_temp.decide('{a}', '{1}'), 'a allowed 4', 'they can be used again');
select pg_temp.at(3001.5);
select is(pg_temp.decide('{a}', '{4}'), 'a allowed 0', 'all of them');
select pg_temp.refund('{a}', '{100}', '{3001}');
select is(pg_temp.used('a'), 4, 'no more comes back than was taken at that time');
select pg_temp.decide('{a}', '{1}');
select is(pg_temp.decide('{a}', '{1}'), 'a limited 0 20', 'over it');
select pg_temp.refund('{a}', '{5}', '{3001}');
select is(pg_temp.decide('{a}', '{1}'), 'a blocked 0 20', 'a refund does not lift the block that another request earned');

-- ... in exchange for a point of another policy
select pg_temp.at(4000);
select pg_temp.decide('{a}', '{3}');
select is(pg_temp.refund('{a}', '{3}', '{4000}', 'b'), 3, 'points come back for one of another policy');
select is(pg_temp.decide('{a,b}', '{0,0}'), 'b allowed 1, a allowed 5', 'which is taken');
select pg_temp.decide('{a,b}', '{2,1}');
select is(pg_temp.refund('{a}', '{2}', '{4000}', 'b'), 0, 'where that has none left nothing comes back');
select is(pg_temp.decide('{a,b}', '{0,0}'), 'b allowed 0, a allowed 3', 'and nothing is taken');

-- Privileges
select ok(
    has_function_privilege('quire_api', 'api.refund(uuid, uuid, uuid, text, text[], integer[], timestamptz[], text)', 'execute')
    and not has_function_privilege(
        'quire_worker', 'api.refund(uuid, uuid, uuid, text, text[], integer[], timestamptz[], text)', 'execute'
    )
    and not has_function_privilege(
        'quire_api', 'core.decide_limits(text[], integer[], uuid, uuid, uuid, text)', 'execute'
    ),
    'the API may give back, and decides by api.admit only'
);

select * from finish();
rollback;

-- api.admit: authentication, and the rate limiter behind it to the second.
begin;
select plan(57);

-- Time stands still unless a test moves it.
create function pg_temp.at(p_seconds numeric) returns void language sql as $$
    select set_config(
        'quire.fake_now', (timestamptz '2030-01-01 00:00:00Z' + make_interval(secs => p_seconds))::text, true
    );
$$;
create function pg_temp.hash(p_token text) returns bytea language sql as $$ select sha256(p_token::bytea) $$;
create function pg_temp.hit(p_token text, p_policy text, p_cost integer default 1)
returns text language sql as $$
    select concat_ws(' ', a.decision, a.remaining, a.retry_after)
    from api.admit(pg_temp.hash(p_token), array[p_policy], array[p_cost], null, '192.0.2.1') as a;
$$;
create function pg_temp.known(p_token text) returns text language sql as $$
    select a.decision from api.admit(pg_temp.hash(p_token), null, null, null, '192.0.2.1') as a;
$$;
select pg_temp.at(0);

select ops.create_token(u.id, pg_temp.hash(u.name), u.name, array['read', 'write'], null)
from (
    values ('ann', ops.create_user('ann')), ('bob', ops.create_user('bob'))
) as u (name, id);
select ops.create_token(ops.find_user('ann'), pg_temp.hash('ann 2'), 'second', array['read'], null);
select ops.create_token(
    ops.find_user('ann'), pg_temp.hash('short'), 'short', array['read'], timestamptz '2030-01-01 00:00:10Z'
);
select ops.create_token(
    ops.find_user('ann'), pg_temp.hash('free'), 'free', array['write', 'bypass_rate_limit'], null
);
insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('one', 1, 10, 0, 'user', 'enforce', 'open'),
('three', 3, 10, 60, 'user', 'enforce', 'open'),
('short-block', 3, 60, 5, 'user', 'enforce', 'open'),
('watched', 1, 10, 10, 'user', 'dry-run', 'open'),
('by-token', 1, 10, 10, 'token', 'enforce', 'open'),
('by-workspace', 1, 10, 10, 'workspace', 'enforce', 'open');

-- Authentication
select results_eq(
    $$select decision, user_id, scopes, policy from api.admit(pg_temp.hash('ann'), null, null, null, null)$$,
    $$values ('allowed', ops.find_user('ann'), array['read', 'write'], null::text)$$,
    'a known token is told its user and scopes; without a policy nothing is counted'
);
select results_eq(
    $$select decision, user_id, token_id, scopes, policy, remaining
      from api.admit(pg_temp.hash('nobody'), array['one'], array[1], null, '192.0.2.1')$$,
    $$values ('unauthorized', null::uuid, null::uuid, null::text[], 'anonymous', 299)$$,
    'an unknown token is unauthorized; it counts against its peer, not against the policy asked for'
);
select is(
    (select a.decision from api.admit(pg_temp.hash('ann'), '{}', '{}', null, null) as a), 'allowed', 'no policy is none'
);
select is(pg_temp.known('short'), 'allowed', 'a token works before it expires');
select pg_temp.at(10);
select is(pg_temp.known('short'), 'unauthorized', 'a token is refused from the instant that it expires');
select ok(
    ops.revoke_token((select t.id from core.tokens as t where t.token_hash = pg_temp.hash('ann 2'))), 'it is revoked'
);
select is(pg_temp.known('ann 2'), 'unauthorized', 'a revoked token is refused');
select is(
    (select last_used_at from core.tokens where token_hash = pg_temp.hash('ann')),
    timestamptz '2030-01-01 00:00:00Z', 'use is noted to the hour'
);
select pg_temp.at(3599);
select pg_temp.known('ann');
select pg_temp.at(3601);
select pg_temp.known('ann');
select is(
    (select last_used_at from core.tokens where token_hash = pg_temp.hash('ann')),
    timestamptz '2030-01-01 01:00:00Z', 'and noted again in the next hour'
);

-- Limit 1
select pg_temp.at(10000);
select is(pg_temp.hit('ann', 'one'), 'allowed 0', 'limit 1: the first hit gets in');
select is(pg_temp.hit('ann', 'one'), 'limited 0 10', 'limit 1: the second does not, and is told the whole window');
select is(pg_temp.hit('bob', 'one'), 'allowed 0', 'another user is another key');
select pg_temp.at(10009.999);
select is(pg_temp.hit('ann', 'one'), 'limited 0 1', 'a microsecond before the end is not the end; seconds round up');
select pg_temp.at(10010);
select is(pg_temp.hit('ann', 'one'), 'allowed 0', 'at the instant of the window''s end the hit gets in');
select is(pg_temp.hit('free', 'one'), 'bypassed', 'a token with bypass_rate_limit is not counted, even for that user');

-- Costs
select pg_temp.at(20000);
select is(pg_temp.hit('ann', 'three', 0), 'allowed 3', 'cost 0 always fits and takes nothing');
select is(pg_temp.hit('ann', 'three', 3), 'allowed 0', 'cost = limit fits into an empty window');
select is(pg_temp.hit('ann', 'three', 0), 'allowed 0', 'cost 0 fits into a full one');
select throws_ok(
    $$select pg_temp.hit('ann', 'three', 4)$$, 'PT400', null, 'cost > limit is an error: it could never get in'
);
select throws_ok($$select pg_temp.hit('ann', 'three', -1)$$, 'PT400', null, 'a negative cost is refused');
select throws_ok($$select pg_temp.hit('ann', 'no such', 1)$$, 'P0001', null, 'an unknown policy is our own fault');

-- Block
select is(pg_temp.hit('ann', 'three'), 'limited 0 60', 'over the limit: blocked for the policy''s time');
select pg_temp.at(20030);
select is(pg_temp.hit('ann', 'three'), 'blocked 0 30', 'in the block every hit is told what is left of it');
select is(pg_temp.hit('ann', 'three', 0), 'blocked 0 30', 'in the block even cost 0 is refused');
select is(
    (select blocked_until from core.rate_buckets where policy = 'three'),
    timestamptz '2030-01-01 00:00:00Z' + interval '20060 s', 'attempts in the block do not extend it'
);
select pg_temp.at(20059.5);
select is(pg_temp.hit('ann', 'three'), 'blocked 0 1', 'half a second left is told as a whole one');
select pg_temp.at(20060);
select is(pg_temp.hit('ann', 'three'), 'allowed 2', 'who waits exactly Retry-After gets in');

-- A block shorter than the window lasts until the hit fits: Retry-After is true
select pg_temp.at(30000);
select is(pg_temp.hit('ann', 'short-block', 2), 'allowed 1', 'two points now');
select pg_temp.at(30020);
select is(pg_temp.hit('ann', 'short-block', 1), 'allowed 0', 'and one after 20 s');
select is(pg_temp.hit('ann', 'short-block', 1), 'limited 0 40', 'one point comes back when the oldest leaves');
select pg_temp.at(30060);
select is(pg_temp.hit('ann', 'short-block', 1), 'allowed 1', 'and then it fits');
select is(pg_temp.hit('ann', 'short-block', 3), 'limited 1 60', 'three points fit when the newest has left');
select pg_temp.at(30120);
select is(pg_temp.hit('ann', 'short-block', 3), 'allowed 0', 'and then they do');

-- Sliding, not fixed: no window of 10 s ever has more than 3
select pg_temp.at(40009);
select is(pg_temp.hit('bob', 'three', 3), 'allowed 0', 'three hits late in a minute');
select pg_temp.at(40018.9);
select is(pg_temp.hit('bob', 'three'), 'limited 0 60', 'a fixed window would have begun anew; this one slides');

-- reset_seconds
select pg_temp.at(50000);
select pg_temp.hit('bob', 'short-block');
select pg_temp.at(50023.5);
select results_eq(
    $$select points, remaining, window_seconds, reset_seconds, retry_after
      from api.admit(pg_temp.hash('bob'), array['short-block'], array[1], null, null)$$,
    $$values (3, 1, 60, 37, null::integer)$$,
    'reset_seconds is when the oldest point comes back, rounded up'
);
select is(
    (select reset_seconds from api.admit(pg_temp.hash('bob'), array['three'], array[0], null, null)), 0, 'an untouched log is full'
);

-- Dry run, per token, per workspace
select is(pg_temp.hit('ann', 'watched'), 'allowed 0', 'dry-run lets in what fits');
select is(pg_temp.hit('ann', 'watched'), 'observed 0 10', 'and observes what a limit would have refused');
select is(pg_temp.hit('ann', 'watched'), 'observed 0 10', 'in the block too');
select is(pg_temp.hit('ann', 'by-token'), 'allowed 0', 'per token: the first token of a user');
select ops.create_token(ops.find_user('ann'), pg_temp.hash('ann 3'), 'third', array['read'], null);
select is(pg_temp.hit('ann 3', 'by-token'), 'allowed 0', 'per token: another token of the same user');
select is(
    (select count(*)::integer from api.admit(pg_temp.hash('bob'), array['watched', 'by-token'], array[1, 1], null, null)),
    2, 'several policies answer a row each'
);

-- Without a token, and with none that counts: by peer
update core.rate_policies set points = 2 where name = 'anonymous';
select pg_temp.at(55000);
create function pg_temp.guess(p_token text, p_peer text default '192.0.2.9') returns text language sql as $$
    select concat_ws(' ', a.decision, a.policy, a.remaining, a.retry_after)
    from api.admit(pg_temp.hash(p_token), array['one'], array[1], null, p_peer) as a;
$$;
select is(pg_temp.guess('g1'), 'unauthorized anonymous 1', 'a first guess');
select is(
    (
        select concat_ws(' ', a.decision, a.policy, a.remaining)
        from api.admit(null, array['anonymous'], array[1], null, '192.0.2.9') as a
    ), 'allowed anonymous 0', 'no token at all counts by the same peer'
);
select is(pg_temp.guess('g2'), 'limited anonymous 0 60', 'then the peer is limited');
select is(pg_temp.guess('g3'), 'blocked anonymous 0 60', 'and blocked');
select is(pg_temp.guess('ann'), 'allowed one 0', 'who has a token is not held up by its neighbours');
select is(pg_temp.guess('g4', '192.0.2.10'), 'unauthorized anonymous 1', 'another peer is another key');
select pg_temp.at(55060);
select is(pg_temp.guess('g5'), 'unauthorized anonymous 1', 'a peer that waits gets its 401 again');
update core.rate_policies set on_failure = 'closed' where name = 'anonymous';
select is(
    (
        select concat_ws(' ', a.decision, a.user_id)
        from api.admit(null, array['public'], array[1], null, null) as a
    ), 'allowed', 'a route without tokens has a policy by peer, too; no address is one key'
);

-- The clock steps
select pg_temp.at(60000);
select pg_temp.hit('bob', 'three', 3);
select pg_temp.at(56400);
select is(pg_temp.hit('bob', 'three'), 'allowed 2', 'a clock that stepped back an hour locks nobody out for an hour');
select pg_temp.at(70000);
select pg_temp.hit('ann', 'three', 3);
select pg_temp.hit('ann', 'three');
select pg_temp.at(66400);
select is(pg_temp.hit('ann', 'three'), 'allowed 2', 'nor does a block out of the future');

-- A refused hit leaves no trace but the block
select pg_temp.at(80000);
select pg_temp.hit('bob', 'three', 2);
select pg_temp.hit('bob', 'three', 2);
select is(
    (select cardinality(hits) from core.rate_buckets where policy = 'three' and key = ops.find_user('bob')::text),
    2, 'what is refused is not counted'
);

-- Privileges
select ok(has_function_privilege('quire_api', 'api.admit(bytea, text[], integer[], uuid, text)', 'execute'), 'quire_api may call it');
select ok(
    not has_function_privilege('quire_worker', 'api.admit(bytea, text[], integer[], uuid, text)', 'execute'), 'quire_worker may not'
);
select ok(not has_table_privilege('quire_api', 'core.tokens', 'select'), 'quire_api cannot read tokens');

select * from finish();
rollback;

begin;
select plan(15);
select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
select is(core.breaker_wait('m', core.clock()), null, 'a provider that was never out may be asked');
select is(indexing.open_breaker('m', 10, false, 'answered 503'), 10::double precision, 'an outage lasts what it said');
select is(indexing.open_breaker('m', 10, false, 'answered 503'), 10::double precision, 'seen twice it counts once');
select is(core.breaker_wait('m', core.clock()), 10::double precision, 'nobody asks');
select set_config('quire.fake_now', '2031-05-05 12:00:10+00', true);
select is(core.breaker_wait('m', core.clock()), 0::double precision, 'then one does');
select is(
    core.breaker_wait('m', core.clock()), 0.001::double precision,
    'and only one: what others have claimed in that moment they give back at once'
);
select is(
    indexing.open_breaker('m', 10, false, 'answered 503'), 0.001::double precision,
    'who asked before the outage says nothing new, and what it gives back keeps its place'
);
select set_config('quire.fake_now', '2031-05-05 12:00:41+00', true);
select is(core.breaker_wait('m', core.clock()), 0::double precision, 'one that was lost is replaced');
select is(indexing.open_breaker('m', 10, true, 'answered 503'), 20::double precision, 'still out: twice the time');
select is(
    (
        select max(indexing.open_breaker('m', 10, true, 'answered 503')) from generate_series(1, 9) as n
    ), 120::double precision, 'two minutes at most'
);
select is(indexing.open_breaker('m', 600, true, 'answered 429'), 600::double precision, 'unless it asks for more');
select is(
    (select b.outages || ' ' || b.reason from core.indexing_breakers as b), '12 answered 429', 'outages in a row'
);
select is(indexing.close_breaker('m'), true, 'an answer closes it');
select is(core.breaker_wait('m', core.clock()), null, 'for everybody');
select is(indexing.close_breaker('m'), false, 'once');
select * from finish();
rollback;

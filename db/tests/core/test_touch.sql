begin;
select plan(5);

select is(core.touch('set', 'a', '/data/t', null, 3), '["set", "a", "/data/t"]', 'a write');
select is(core.touch('ins', 'a', '7', null, 3), '["ins", "a", 7]', 'an insertion, with its number');
select is(core.touch('del', 'a', null, null, 3), '["del", "a"]', 'a removal');
select is(core.touch('mov', 'a', null, null, 3), '["mov", "a"]', 'a move');
select is(core.touch('del', 'a', null, '{}', 3), '["del", "a", null, 3]', 'for a rebase the operation comes last');

select * from finish();
rollback;

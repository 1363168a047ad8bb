begin;
select plan(3);

select is(
    core.settle_touched(array['["del", "a"]', '["ins", "a", 7]', '["set", "b", "/data"]']::jsonb[], '{1}', array['{"id": "a"}']::jsonb[], '{1,2}'),
    array['["mov", "a"]', '["set", "a", ""]', '["set", "b", "/data"]']::jsonb[],
    'a block taken out and put in again was moved and written'
);
select is(
    core.settle_touched(array['["del", "a", null, 0]', '["ins", "a", "7", 1]']::jsonb[], '{1}', array['{"id": "a"}']::jsonb[], '{1,2}'),
    array['["mov", "a", null, 0]', '["set", "a", "", 1]']::jsonb[],
    'the numbers of operations stay'
);
select is(
    core.settle_touched(array['["del", "a"]']::jsonb[], '{1}', array['{"id": "a"}']::jsonb[], '{2}'),
    array['["del", "a"]']::jsonb[],
    'one that is gone is gone'
);

select * from finish();
rollback;

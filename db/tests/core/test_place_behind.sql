begin;
select plan(5);

select is(core.place_behind(1, '{1,2,3}', '{}'), 1, 'others have put nothing there');
select is(core.place_behind(1, '{1,7,8,2,9}', '{7,8,9}'), 3, 'behind what they have put there');
select is(core.place_behind(0, '{7,1}', '{7}'), 1, 'at the start');
select is(core.place_behind(2, '{1,7,8}', '{7,8}'), 3, 'to the end');
select is(core.place_behind(0, '{}', '{7}'), 0, 'of no blocks');

select * from finish();
rollback;

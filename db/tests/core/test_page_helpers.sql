begin;
select plan(14);

select is(core.rfc3339('2026-01-02 03:04:05.678901+02'), '2026-01-02T01:04:05.678901Z', 'UTC with Z');
select matches(core.new_id()::text, '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$', 'version 7, RFC variant');
set local quire.fake_now = '2022-02-22 19:22:22+00';
select is(core.clock(), '2022-02-22 19:22:22+00'::timestamptz, 'a test sets the time');
select matches(core.new_id()::text, '^017f22e2-79b0-7', 'the milliseconds of RFC 9562''s example come first');
set local quire.fake_now = '';
select ok(abs(extract(epoch from core.clock() - clock_timestamp())) < 60, 'or else it is the clock''s');
select is(cardinality(core.increasing_subsequence('{3,1,2,5,4,6}')), 4, 'longest increasing subsequence');
select is(core.increasing_subsequence('{}'), '{}', 'of nothing');
select is(core.increasing_subsequence('{3,2,1}'), '{1}', 'of a descent');
select is((select array_agg(o.operation) from core.diff_order('{1,2,3,4,5}', '{2,3,4,5,1}', '{}') as o), array['{"op": "move", "from": "/blocks/0", "path": "/blocks/4"}'::jsonb], 'one block to the end is one move');
select is((select array_agg(o.operation) from core.diff_order('{1,2,3,4,5}', '{5,1,2,3,4}', '{}') as o), array['{"op": "move", "from": "/blocks/4", "path": "/blocks/0"}'::jsonb], 'one to the front too');
select is((select array_agg(o.operation) from core.diff_order('{1,2,3}', '{}', '{}') as o), array['{"op": "remove", "path": "/blocks/2"}', '{"op": "remove", "path": "/blocks/1"}', '{"op": "remove", "path": "/blocks/0"}']::jsonb[], 'removed from the end');
select is((select array_agg(o.operation) from core.diff_order('{}', '{7}', '{"{}"}') as o), array['{"op": "add", "path": "/blocks/0", "value": {}}'::jsonb], 'added');
select is(core.decode_cursor(core.encode_cursor('["2026-01-01 00:00:00+00", "infinity", "00000000-0000-0000-0000-000000000001"]'), '{timestamptz,timestamptz,uuid}'), '["2026-01-01 00:00:00+00", "infinity", "00000000-0000-0000-0000-000000000001"]', 'a cursor comes back');
select throws_ok($$ select core.check_member('00000000-0000-0000-0000-000000000001', '00000000-0000-0000-0000-000000000002', 'viewer') $$, 'PT404', null, 'not a member');

select * from finish();
rollback;

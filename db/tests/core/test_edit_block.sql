begin;
select plan(11);

create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', v_state, nullif(v_slug, ''), nullif(v_detail, ''));
end;
$$;

select is(core.edit_block('{"id": "a", "data": {}}', '{"op": "add", "path": "/blocks/0/data/t", "value": 1}', '0', 2), '{"id": "a", "data": {"t": 1}}', 'by index');
select is(core.edit_block('{"id": "a", "data": {"t": 1}}', '{"op": "move", "path": "/blocks/a/data/u", "from": "/blocks/0/data/t"}', 'a', 2), '{"id": "a", "data": {"u": 1}}', 'a move whose ends call the block by different names');
select is(core.edit_block('{"id": "a", "data": {}}', '{"op": "replace", "path": "/blocks/0/id", "value": "a"}', '0', 2), '{"id": "a", "data": {}}', 'an id that stays');
select is(core.edit_block('{"id": "a", "data": {"l": [1, 2], "0": null}}', '{"op": "replace", "path": "/blocks/0/data/l/1", "value": null}', '0', 2), '{"id": "a", "data": {"l": [1, null], "0": null}}', 'an element');
select is(core.edit_block('{"id": "a", "data": {"l": [1, 2], "0": null}}', '{"op": "replace", "path": "/blocks/0/data/0", "value": {"x": 1.10}}', '0', 2)::text, '{"id": "a", "data": {"0": {"x": 1.10}, "l": [1, 2]}}', 'a null under a name of digits');
select is(pg_temp.problem($q$ select core.edit_block('{"id": "a", "data": {"l": [1, 2]}}', '{"op": "replace", "path": "/blocks/0/data/l/-", "value": 1}', '0', 2) $q$), 'PT422 patch_index_out_of_range {"op": "replace", "pointer": "/blocks/0/data/l/-", "failed_at": "/blocks/0/data/l/-", "operation": 2}', 'the end has no element');
select is(pg_temp.problem($q$ select core.edit_block('{"id": "a", "data": {"l": [1, 2]}}', '{"op": "replace", "path": "/blocks/0/data/l/-1", "value": 1}', '0', 2) $q$), 'PT422 patch_index_invalid {"op": "replace", "pointer": "/blocks/0/data/l/-1", "failed_at": "/blocks/0/data/l/-1", "operation": 2}', 'nor is there one from the end');
select is(pg_temp.problem($q$ select core.edit_block('{"id": {"x": 1}}', '{"op": "replace", "path": "/blocks/0/id/x", "value": 2}', '0', 2) $q$), 'PT422 block_id_immutable {"op": "replace", "pointer": "/blocks/0/id/x", "operation": 2}', 'nothing inside of an id');
select is(pg_temp.problem($q$ select core.edit_block('{"id": "a"}', '{"op": "replace", "path": "/blocks/0/id", "value": "b"}', '0', 2) $q$), 'PT422 block_id_immutable {"op": "replace", "pointer": "/blocks/0/id", "operation": 2}', 'an id that does not');
select is(pg_temp.problem($q$ select core.edit_block('{"id": "a"}', '{"op": "test", "path": "/blocks/a/id", "value": "b"}', 'a', 2) $q$), 'PT422 patch_test_failed {"op": "test", "pointer": "/blocks/a/id", "operation": 2}', 'a test');
select is(pg_temp.problem($q$ select core.edit_block('{"id": "a"}', '{"op": "remove", "path": "/blocks/a/data/t"}', 'a', 2) $q$), 'PT422 patch_path_missing {"op": "remove", "pointer": "/blocks/a/data/t", "failed_at": "/blocks/a/data", "operation": 2}', 'a path that is not there, as sent');

select * from finish();
rollback;

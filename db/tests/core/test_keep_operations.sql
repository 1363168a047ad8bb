begin;
select plan(12);

create temporary table mine as select array[
    '{"n": 0, "op": "add", "path": "/blocks/-", "after": "a", "value": {"id": "n"}}',
    '{"n": 1, "op": "replace", "path": "/blocks/n/data/t", "value": 1}',
    '{"n": 2, "op": "add", "path": "/blocks/-", "after": "n", "value": {"id": "o"}}',
    '{"n": 3, "op": "test", "path": "/blocks/b/data/t", "value": 1}',
    '{"n": 4, "op": "replace", "path": "/blocks/b/data/t", "value": 2}',
    '{"n": 5, "op": "replace", "path": "/blocks/b/data/tt", "value": 2}',
    '{"n": 6, "op": "move", "path": "/blocks/-", "from": "/blocks/b", "after": null}',
    '{"n": 7, "op": "remove", "path": "/blocks/c"}',
    '{"n": 8, "op": "add", "path": "/blocks/-", "after": null, "value": {"id": "c"}}',
    '{"n": 9, "op": "replace", "path": "/title", "value": 1}'
]::jsonb[] as operations;
-- numbers of what is left
create function pg_temp.kept(p_id text, p_scope text, p_pointer text, p_kind text default 'k') returns text language sql as $$
    select string_agg(kept ->> 'n', '' order by place)
    from mine, jsonb_array_elements(core.keep_operations(operations, array[p_id], array[p_scope], array[p_pointer], array[p_kind]))
        with ordinality as found (kept, place)
$$;

select is(core.keep_operations(operations, '{}', '{}', '{}', '{}'), to_jsonb(operations), 'nothing is named: all are left') from mine;
select is(pg_temp.kept('b', 'pointer', '/data/t'), '01256789', 'a pointer, with its test, but not one that begins alike');
select is(pg_temp.kept('b', 'pointer', '/data'), '0126789', 'what is inside of it');
select is(pg_temp.kept('b', 'pointer', '/data/t', null), '012356789', 'an equal end: the test is made again');
select is(pg_temp.kept('b', 'move', ''), '012345789', 'a move only');
select is(pg_temp.kept('b', 'block', ''), '012789', 'all of a block');
select is(pg_temp.kept('', 'pointer', '/title'), '012345678', 'the title');
select is(pg_temp.kept('n', 'block', ''), '23456789', 'an insertion with its edits');
select is(core.keep_operations(operations, '{n}', '{block}', '{""}', '{k}') #>> '{0,after}', 'n', 'what comes behind it does so still') from mine;
select is(pg_temp.kept('c', 'pointer', ''), '01234569', 'a block taken out and put in again: both operations');
select is(pg_temp.kept('c', 'move', ''), '01234569', 'for its move too');
select is(pg_temp.kept('c', 'pointer', '', null), '0123456789', 'an equal end leaves both');

select * from finish();
rollback;

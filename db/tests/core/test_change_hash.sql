begin;
select plan(9);

-- a page of blocks 1, 2, 3
create function pg_temp.block(p_id text, p_n integer) returns jsonb language sql as $$
    select jsonb_build_object('id', p_id, 'type', 'p', 'data', jsonb_build_object('n', p_n))
$$;
create function pg_temp.hash(p_title text, p_order integer[], p_blocks jsonb[]) returns numeric language sql as $$
    select core.page_hash(jsonb_build_object('title', p_title, 'properties', '{}'::jsonb), p_order, p_blocks)
$$;
create temporary table old as
select array[pg_temp.block('a', 1), pg_temp.block('b', 2), pg_temp.block('c', 3)] as blocks,
    pg_temp.hash('T', '{1,2,3}', array[pg_temp.block('a', 1), pg_temp.block('b', 2), pg_temp.block('c', 3)]) as hash;
create function pg_temp.changed(
    p_title text, p_order integer[], p_nos integer[], p_olds jsonb[], p_blocks jsonb[], p_old_order integer[] default '{1,2,3}'
) returns numeric language sql as $$
    select core.change_hash(
        hash, '{"title": "T", "properties": {}}', jsonb_build_object('title', p_title, 'properties', '{}'::jsonb),
        p_old_order, p_order, p_nos, p_olds, p_blocks
    ) from old
$$;

select is(pg_temp.changed('T', '{1,2,3}', '{}', '{}', '{}'), (select hash from old), 'nothing changed');
select is(pg_temp.changed('U', '{1,2,3}', '{}', '{}', '{}'), (select pg_temp.hash('U', '{1,2,3}', blocks) from old), 'the title');
select is(
    pg_temp.changed('T', '{}', '{2}', array[pg_temp.block('b', 2)], array[pg_temp.block('b', 9)], '{}'),
    (select pg_temp.hash('T', '{1,2,3}', array[blocks[1], pg_temp.block('b', 9), blocks[3]]) from old), 'a block; orders left out'
);
select is(
    pg_temp.changed('T', '{1,4,2,3}', '{4}', array[null]::jsonb[], array[pg_temp.block('d', 4)]),
    (select pg_temp.hash('T', '{1,4,2,3}', array[blocks[1], pg_temp.block('d', 4), blocks[2], blocks[3]]) from old), 'a new block'
);
select is(
    pg_temp.changed('T', '{2,3}', '{1}', array[pg_temp.block('a', 1)], array[null]::jsonb[]),
    (select pg_temp.hash('T', '{2,3}', blocks[2:]) from old), 'a removed block'
);
select is(
    pg_temp.changed('T', '{3,1,2}', '{}', '{}', '{}'),
    (select pg_temp.hash('T', '{3,1,2}', array[blocks[3], blocks[1], blocks[2]]) from old), 'a move'
);
select is(
    pg_temp.changed('U', '{5,1}', '{2,3,1,5}', array[pg_temp.block('b', 2), pg_temp.block('c', 3), pg_temp.block('a', 1), null], array[null, null, pg_temp.block('a', 7), pg_temp.block('e', 5)]),
    pg_temp.hash('U', '{5,1}', array[pg_temp.block('e', 5), pg_temp.block('a', 7)]), 'all at once'
);
select is(
    pg_temp.changed('T', '{}', '{1,2,3}', array[pg_temp.block('a', 1), pg_temp.block('b', 2), pg_temp.block('c', 3)], array[null, null, null]::jsonb[]),
    pg_temp.hash('T', '{}', '{}'), 'an empty page'
);
select is(core.change_hash(null, '{}', '{}', '{}', '{}', '{}', '{}', '{}'), null, 'of a hash that is not known none');

select * from finish();
rollback;

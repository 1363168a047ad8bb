begin;
select plan(13);

create function pg_temp.hash(p_head text, p_order integer[], p_blocks text[]) returns numeric language sql as $$
    select core.page_hash(p_head::jsonb, p_order, p_blocks::jsonb[])
$$;
select is(
    core.hash_text('abc'),
    13436514500253700074::numeric,
    'the first 8 bytes of sha256 (the test vector of FIPS 180-4), shifted'
);
select ok(
    (select bool_and(core.hash_text(n::text) between 0 and 18446744073709551615) from generate_series(1, 200) as n),
    'as an unsigned number'
);
select is(core.hash_text('{"a": 1.50, "b": [2.0, 10.00]}'), core.hash_text('{"a": 1.5, "b": [2, 10]}'), '1 = 1.0');
select isnt(core.hash_text('[10]'), core.hash_text('[1]'), 'but not 10 = 1');
select isnt(core.hash_text('[1.05]'), core.hash_text('[1.5]'), 'nor 1.05 = 1.5');
select isnt(core.hash_text('["v 1.0", 2.0]'), core.hash_text('["v 1", 2.0]'), 'a string is hashed as it is');
select isnt(core.hash_text('["\" 1.0"]'), core.hash_text('["\" 1"]'), 'with its escapes');
select is(
    pg_temp.hash('{"title": "t"}', '{3,1}', array['{"id": "c"}', '{"id": "a"}']),
    (core.hash_text('0:{"title": "t"}') + core.hash_text('3:{"id": "c"}') + core.hash_text('1:{"id": "a"}')
    + core.hash_text('0>3') + core.hash_text('3>1')) % 18446744073709551616,
    'the sum over title and properties, blocks and neighbours'
);
select is(pg_temp.hash('{}', '{}', '{}'), core.hash_text('0:{}'), 'a page without blocks has one');
select isnt(
    pg_temp.hash('{}', '{1,2}', array['{"a": 1}', '{"b": 1}']),
    pg_temp.hash('{}', '{2,1}', array['{"b": 1}', '{"a": 1}']),
    'the order counts'
);
select isnt(
    pg_temp.hash('{}', '{1,2}', array['{"a": 1}', '{"b": 1}']),
    pg_temp.hash('{}', '{1,2}', array['{"b": 1}', '{"a": 1}']),
    'and which block is which'
);
select is(
    core.change_hash(
        pg_temp.hash('{}', '{1,2}', array['{"a": 1}', '{"b": 1}']), '{}', '{"t": 1}', '{1,2}', '{2,3,1}',
        '{1,3}', array['{"a": 1}', null]::jsonb[], array['{"a": 2}', '{"c": 1}']::jsonb[]
    ),
    pg_temp.hash('{"t": 1}', '{2,3,1}', array['{"b": 1}', '{"c": 1}', '{"a": 2}']),
    'a change makes of the hash before what reckoning anew makes'
);
select is(
    core.change_hash(
        pg_temp.hash('{}', '{1,2}', array['{"a": 1}', '{"b": 1}']), '{}', '{}', '{1,2}', '{2}',
        '{1}', array['{"a": 1}']::jsonb[], array[null]::jsonb[]
    ),
    pg_temp.hash('{}', '{2}', array['{"b": 1}']),
    'of a removal too'
);

select * from finish();
rollback;

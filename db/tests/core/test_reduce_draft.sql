begin;
select plan(6);

create function pg_temp.reduce(p_order integer[], p_touched text, p_nos integer[], p_olds text[], p_blocks text[]) returns text language sql as $$
    select concat_ws(' | ', reduced.order_changed, reduced.nos, reduced.olds, reduced.blocks)
    from core.reduce_draft(
        (select jsonb_populate_record(null::core.pages, '{"block_order": [1, 2, 3]}')), p_order,
        array(select jsonb_array_elements(p_touched::jsonb)), p_nos, p_olds::jsonb[], p_blocks::jsonb[]
    ) as reduced
$$;

select is(pg_temp.reduce('{1,2,3}', '[["set", "a", ""]]', '{1,2}', '{1,2}', '{9,2}'), 'f | {1} | {1} | {9}', 'a block that is as before is left out');
select is(pg_temp.reduce('{1,2,3}', '[["ins", "d", 4], ["del", "d"]]', '{4}', '{NULL}', '{4}'), 'f | {} | {} | {}', 'so is one that was put in and taken out');
select is(pg_temp.reduce('{1,2,3}', '[["mov", "a"], ["mov", "a"]]', '{1}', '{1}', '{1}'), 'f | {} | {} | {}', 'and one that was moved there and back');
select is(pg_temp.reduce('{4,2,1}', '[["ins", "d", 4], ["del", "c"], ["mov", "a"]]', '{3,1,2,4}', '{3,1,2,NULL}', '{3,1,8,4}'), 't | {4,2,3} | {NULL,2,3} | {4,8,NULL}', 'a new order: in that order; NULL before for a new block, after for one that goes');
select is(pg_temp.reduce('{2,1,3}', '[["mov", "a"]]', '{1}', '{1}', '{1}'), 't | {} | {} | {}', 'a move changes no block');
select is(pg_temp.reduce('{3,2,1}', '[["set", "a", ""]]', '{}', '{}', '{}'), 'f | {} | {} | {}', 'orders are not compared where only insides were touched');

select * from finish();
rollback;

begin;
select plan(11);

create function pg_temp.written(p_op text, p_pointer text) returns text language sql as $$
    select core.written_pointer('{"l": [1, 2], "o": {"0": 1, "a/b": 1}, "m": [[1]]}', p_op, jsonpatch.pointer_tokens(p_pointer))
$$;

select is(pg_temp.written('replace', '/o/a~1b'), '/o/a~1b', 'its own');
select is(pg_temp.written('add', '/o/x'), '/o/x', 'a new member');
select is(pg_temp.written('remove', '/o/x'), '/o/x', 'a removed one');
select is(pg_temp.written('add', '/l/0'), '/l', 'the whole array of an insertion');
select is(pg_temp.written('add', '/l/-'), '/l', 'at its end');
select is(pg_temp.written('remove', '/l/2'), '/l', 'of a removal');
select is(pg_temp.written('move', '/l/1'), '/l', 'of a move');
select is(pg_temp.written('replace', '/l/1'), '/l/1', 'an element that is replaced is itself');
select is(pg_temp.written('add', '/o/0'), '/o/0', 'digits are a name in an object');
select is(pg_temp.written('add', '/m/0/1'), '/m/0', 'the innermost array');
select is(pg_temp.written('replace', ''), '', 'all');

select * from finish();
rollback;

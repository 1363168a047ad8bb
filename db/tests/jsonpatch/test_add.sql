-- jsonpatch.add: RFC 6902 section 4.1.
begin;
select plan(19);

-- The SQLSTATE, the slug and the detail of the error that a statement raises; NULL where it raises none.
create function pg_temp.error_of(p_sql text)
returns text
language plpgsql
as $$
declare
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return null;
exception when others then
    get stacked diagnostics v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', sqlstate, nullif(v_slug, ''), nullif(v_detail, ''));
end;
$$;

select is(
    jsonpatch.add('{"a": 1}', '{b}', '2'),
    '{"a": 1, "b": 2}'::jsonb,
    'adds a member'
);
select is(
    jsonpatch.add('{"a": 1}', '{a}', 'null'),
    '{"a": null}'::jsonb,
    'replaces a member'
);
select is(
    jsonpatch.add('{"a": 1}', '{}', '[]'),
    '[]'::jsonb,
    'replaces the document'
);
select is(
    jsonpatch.add('[1, 2]', '{0}', '0'),
    '[0, 1, 2]'::jsonb,
    'inserts at the start'
);
select is(
    jsonpatch.add('[1, 2]', '{1}', '[9]'),
    '[1, [9], 2]'::jsonb,
    'inserts an array as one element'
);
select is(
    jsonpatch.add('[1, 2]', '{2}', '3'),
    '[1, 2, 3]'::jsonb,
    'inserts at the end'
);
select is(
    jsonpatch.add('[1, [2]]', '{1,-}', '3'),
    '[1, [2, 3]]'::jsonb,
    'appends with a hyphen'
);
select is(
    jsonpatch.add('[]', '{-}', '1'),
    '[1]'::jsonb,
    'appends to an empty array'
);
select is(
    jsonpatch.add('{}', '{-}', '1'),
    '{"-": 1}'::jsonb,
    'takes a hyphen as the name of a member'
);
select is(
    jsonpatch.add('{"01": [0]}', '{01,1}', '1'),
    '{"01": [0, 1]}'::jsonb,
    'goes through a member that looks like a bad index'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('{}', '{a,b}', '1') $sql$),
    'PT422 patch_path_missing {"pointer": "/a/b", "failed_at": "/a"}',
    'refuses a missing parent'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('{"a": 1}', '{a,b}', '1') $sql$),
    'PT422 patch_path_missing {"pointer": "/a/b", "failed_at": "/a/b"}',
    'refuses a scalar parent'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('1', '{0}', '1') $sql$),
    'PT422 patch_path_missing {"pointer": "/0", "failed_at": "/0"}',
    'refuses a scalar document'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[1]', '{2}', '1') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/2", "failed_at": "/2"}',
    'refuses an index past the end'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[1]', '{9999999999}', '1') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/9999999999", "failed_at": "/9999999999"}',
    'refuses an index beyond every integer'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[1]', '{-1}', '1') $sql$),
    'PT422 patch_index_invalid {"pointer": "/-1", "failed_at": "/-1"}',
    'refuses a negative index'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[1]', '{01}', '1') $sql$),
    'PT422 patch_index_invalid {"pointer": "/01", "failed_at": "/01"}',
    'refuses a leading zero'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[1]', '{a}', '1') $sql$),
    'PT422 patch_index_invalid {"pointer": "/a", "failed_at": "/a"}',
    'refuses a name in an array'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.add('[[1]]', '{-,0}', '1', '{"operation": 3}') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/-/0", "failed_at": "/-", "operation": 3}',
    'refuses a hyphen on the way, with the context in the detail'
);

select * from finish();
rollback;

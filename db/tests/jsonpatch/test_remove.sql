-- jsonpatch.remove: RFC 6902 section 4.2.
begin;
select plan(8);

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
    jsonpatch.remove('{"a": 1, "b": 2}', '{a}'),
    '{"b": 2}'::jsonb,
    'removes a member'
);
select is(
    jsonpatch.remove('{"a": null}', '{a}'),
    '{}'::jsonb,
    'removes a member that is null'
);
select is(
    jsonpatch.remove('[1, [2, 3]]', '{1,0}'),
    '[1, [3]]'::jsonb,
    'removes an element'
);
select is(
    jsonpatch.remove('{"-1": 1, "01": 2}', '{-1}'),
    '{"01": 2}'::jsonb,
    'removes a member that looks like a bad index'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.remove('{"a": 1}', '{b}') $sql$),
    'PT422 patch_path_missing {"pointer": "/b", "failed_at": "/b"}',
    'refuses a missing member'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.remove('[1]', '{1}') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/1", "failed_at": "/1"}',
    'refuses an index past the end'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.remove('[1]', '{-1}') $sql$),
    'PT422 patch_index_invalid {"pointer": "/-1", "failed_at": "/-1"}',
    'refuses a negative index'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.remove('{}', '{}') $sql$),
    'PT422 patch_root_removed {"pointer": ""}',
    'refuses to leave no document'
);

select * from finish();
rollback;

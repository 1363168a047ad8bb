-- jsonpatch.raise_missing: names the first token that leads nowhere.
begin;
select plan(6);

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
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('{"a": {}}', '{a,b,c}', '{"op": "add"}') $sql$),
    'PT422 patch_path_missing {"op": "add", "pointer": "/a/b/c", "failed_at": "/a/b"}',
    'names the missing parent and keeps the context'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('{"a": 1}', '{a,b}', '{}') $sql$),
    'PT422 patch_path_missing {"pointer": "/a/b", "failed_at": "/a/b"}',
    'names a member of a scalar'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('[1]', '{1}', '{}') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/1", "failed_at": "/1"}',
    'tells an index past the end'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('[1]', '{-}', '{}') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/-", "failed_at": "/-"}',
    'tells that the element after the last is none'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('[1]', '{01}', '{}') $sql$),
    'PT422 patch_index_invalid {"pointer": "/01", "failed_at": "/01"}',
    'tells a bad index'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.raise_missing('[{"a": 1}]', '{0,b}', '{}') $sql$),
    'PT422 patch_path_missing {"pointer": "/0/b", "failed_at": "/0/b"}',
    'tells a missing member below an index that is there'
);

select * from finish();
rollback;

-- jsonpatch.replace: RFC 6902 section 4.3.
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
    jsonpatch.replace('{"a": 1}', '{a}', '[2]'),
    '{"a": [2]}'::jsonb,
    'replaces a member'
);
select is(
    jsonpatch.replace('{"a": null}', '{a}', '1'),
    '{"a": 1}'::jsonb,
    'replaces a null'
);
select is(
    jsonpatch.replace('[1, 2]', '{1}', 'null'),
    '[1, null]'::jsonb,
    'replaces an element'
);
select is(
    jsonpatch.replace('[1, 2]', '{}', '1'),
    '1'::jsonb,
    'replaces the document'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.replace('{}', '{a}', '1') $sql$),
    'PT422 patch_path_missing {"pointer": "/a", "failed_at": "/a"}',
    'refuses a missing member'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.replace('{}', '{a,b}', '1') $sql$),
    'PT422 patch_path_missing {"pointer": "/a/b", "failed_at": "/a"}',
    'refuses a missing parent'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.replace('[1]', '{-}', '1') $sql$),
    'PT422 patch_index_out_of_range {"pointer": "/-", "failed_at": "/-"}',
    'refuses the element after the last'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.replace('[1]', '{00}', '1') $sql$),
    'PT422 patch_index_invalid {"pointer": "/00", "failed_at": "/00"}',
    'refuses a leading zero'
);

select * from finish();
rollback;

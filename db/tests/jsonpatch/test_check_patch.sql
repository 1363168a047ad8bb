-- jsonpatch.check_patch: the shape of an RFC 6902 patch.
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

select lives_ok($sql$ select jsonpatch.check_patch('[]') $sql$, 'takes an empty patch');
select lives_ok(
    $sql$
        select jsonpatch.check_patch(jsonb_agg('{"op": "remove", "path": ""}'::jsonb))
        from generate_series(1, 1000)
    $sql$,
    'takes 1000 operations'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_patch('{"op": "remove", "path": ""}') $sql$),
    'PT400 malformed_patch {"operation": null, "member": null}',
    'refuses a patch that is not an array'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_patch('null') $sql$),
    'PT400 malformed_patch {"operation": null, "member": null}',
    'refuses a null'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.check_patch('[{"op": "remove", "path": ""}, {"op": "add", "path": ""}]')
    $sql$),
    'PT400 malformed_patch {"member": "value", "operation": 1}',
    'names the operation and the member'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_patch(jsonb_agg('1'::jsonb)) from generate_series(1, 1001) $sql$),
    'PT413 too_many_operations {"limit": 1000, "operations": 1001}',
    'refuses 1001 operations, before it looks at them'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_patch('[1, 2]', 1) $sql$),
    'PT413 too_many_operations {"limit": 1, "operations": 2}',
    'takes the limit as a parameter'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.check_patch(jsonb_build_array(jsonb_build_object('op', 'remove', 'path', repeat('/', 65))))
    $sql$),
    'PT413 pointer_too_long {"member": "path", "operation": 0}',
    'refuses a long pointer'
);

select * from finish();
rollback;

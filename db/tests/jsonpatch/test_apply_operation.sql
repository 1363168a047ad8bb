-- jsonpatch.apply_operation: one operation, checked and applied.
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
    jsonpatch.apply_operation('{"a": 1}', '{"op": "move", "from": "/a", "path": "/b"}'),
    '{"b": 1}'::jsonb,
    'moves a member'
);
select is(
    jsonpatch.apply_operation('{"a": 1}', '{"op": "copy", "from": "/a", "path": "/b"}'),
    '{"a": 1, "b": 1}'::jsonb,
    'copies a member'
);
select is(
    jsonpatch.apply_operation('[1, 2, 3]', '{"op": "move", "from": "/0", "path": "/2"}'),
    '[2, 3, 1]'::jsonb,
    'counts the target of a move without the moved element'
);
select is(
    jsonpatch.apply_operation('{"a": 1}', '{"op": "move", "from": "", "path": ""}'),
    '{"a": 1}'::jsonb,
    'moves a value to where it is'
);
select is(
    jsonpatch.apply_operation('{"a": {"b": 1}, "ab": 2}', '{"op": "move", "from": "/a", "path": "/ab"}'),
    '{"ab": {"b": 1}}'::jsonb,
    'does not take a name for the prefix of another'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.apply_operation('{}', '{"op": "add", "path": "/a"}', 4) $sql$),
    'PT400 malformed_patch {"member": "value", "operation": 4}',
    'refuses a malformed operation'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.apply_operation('{}', jsonb_build_object('op', 'remove', 'path', repeat('/', 65)))
    $sql$),
    'PT413 pointer_too_long {"member": "path", "operation": 0}',
    'refuses a long pointer'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.apply_operation('{}', '{"op": "remove", "path": "/a"}', 4) $sql$),
    'PT422 patch_path_missing {"op": "remove", "pointer": "/a", "failed_at": "/a", "operation": 4}',
    'refuses an inapplicable operation, by the number given'
);

select * from finish();
rollback;

-- jsonpatch.apply_checked_operation: one operation of a patch that was checked.
begin;
select plan(3);

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
    jsonpatch.apply_checked_operation('{"a": 1}', '{"op": "test", "path": "", "value": {"a": 1}}', 0),
    '{"a": 1}'::jsonb,
    'leaves the document after a test'
);
select is(
    jsonpatch.apply_checked_operation('{"a": 1}', '{"op": "add", "path": "/a", "value": {}}', 0),
    '{"a": {}}'::jsonb,
    'adds'
);
select is(
    pg_temp.error_of($sql$
        select jsonpatch.apply_checked_operation('{}', '{"op": "move", "from": "/x", "path": "/y"}', 2)
    $sql$),
    'PT422 patch_path_missing {"op": "move", "pointer": "/x", "failed_at": "/x", "operation": 2}',
    'names the number and the source of a move from nowhere'
);

select * from finish();
rollback;

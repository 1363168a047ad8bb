begin;
select plan(5);

create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', v_state, nullif(v_slug, ''), nullif(v_detail, ''));
end;
$$;

select is(pg_temp.problem($q$ select core.check_precondition('{7}', 7) $q$), 'none', 'the current version');
select is(pg_temp.problem($q$ select core.check_precondition('{*}', 7) $q$), 'none', 'any');
select is(pg_temp.problem($q$ select core.check_precondition('{6}', 7) $q$), 'PT412 version_mismatch {"current_version": 7}', 'an earlier one');
select is(pg_temp.problem($q$ select core.check_precondition('{}', 7) $q$), 'PT412 version_mismatch {"current_version": 7}', 'none');
select is(pg_temp.problem($q$ select core.check_precondition(null, 7) $q$), 'PT428 precondition_required', 'no precondition');

select * from finish();
rollback;

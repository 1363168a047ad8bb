begin;
select plan(13);

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

select is(core.stale_base('{7}', null, 7), null, 'If-Match is the current version');
select is(core.stale_base('{3,7}', null, 7), null, 'one of several is');
select is(core.stale_base('{*}', null, 7), null, 'any');
select is(core.stale_base('{3,5,4}', null, 7), 5::bigint, 'the newest of earlier ones');
select is(core.stale_base('{9,3}', null, 7), 3::bigint, 'one to come is not known');
select is(core.stale_base('{abc,"",007,99999999999999999999}', null, 7), 0::bigint, 'nor is what is no version');
select is(core.stale_base('{}', null, 7), 0::bigint, 'none at all');
select is(core.stale_base('{3}', 7, 7), 3::bigint, 'If-Match counts, not base_version');
select is(core.stale_base(null, 7, 7), null, 'base_version is the current one');
select is(core.stale_base(null, 6, 7), 6::bigint, 'an earlier one');
select is(pg_temp.problem($q$ select core.stale_base(null, null, 7) $q$), 'PT428 precondition_required', 'neither');
select is(pg_temp.problem($q$ select core.stale_base(null, 8, 7) $q$), 'PT422 version_unknown {"current_version": 7}', 'a base_version to come');
select is(pg_temp.problem($q$ select core.stale_base(null, 0, 7) $q$), 'PT422 version_unknown {"current_version": 7}', 'or before all');

select * from finish();
rollback;

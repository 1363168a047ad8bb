begin;
select plan(5);

create function pg_temp.refused(p_strict boolean, p_base bigint, p_outcome text) returns text language sql as $$
    select status || ' ' || (body::jsonb - 'detail')
    from core.refuse_save(7, p_strict, p_base, p_outcome, '[1]', '[2]', '[3]')
$$;

select is(pg_temp.refused(false, 5, 'conflict'), '409 {"code": "version_conflict", "conflicts": [1], "base_version": 5, "server_patch": [2], "rebased_patch": [3], "current_version": 7}', 'a conflict');
select is(pg_temp.refused(false, 5, 'too_old'), '409 {"code": "base_too_old", "base_version": 5, "current_version": 7}', 'too old');
select is(pg_temp.refused(true, 5, 'conflict'), '412 {"code": "version_mismatch", "conflicts": [1], "base_version": 5, "server_patch": [2], "rebased_patch": [3], "current_version": 7}', 'If-Match');
select is(pg_temp.refused(true, 5, 'too_old'), '412 {"code": "version_mismatch", "base_version": 5, "current_version": 7}', 'an old If-Match');
select is(pg_temp.refused(true, 0, 'too_old'), '412 {"code": "version_mismatch", "current_version": 7}', 'one that is not known');

select * from finish();
rollback;

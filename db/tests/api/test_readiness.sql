-- api.readiness: how far the schema is.
begin;
select plan(2);

select is(
    (select migration from api.readiness()), (select max(number)::integer from ops.migrations),
    'it tells the newest applied migration'
);
select ok(has_function_privilege('quire_api', 'api.readiness()', 'execute'), 'quire_api may call it');

select * from finish();
rollback;

-- jsonpatch.check_document: what is small to send and dear to handle.
begin;
select plan(16);

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

select
    is(
        pg_temp.error_of(format('select jsonpatch.check_document(%L)', document)),
        expected,
        description
    )
from (
    values
    (repeat('[', 64) || '1' || repeat(']', 64), null, 'takes 64 levels'),
    (
        repeat('[', 65) || repeat(']', 65),
        'PT413 too_deep {"limit": 64}',
        'refuses 65 levels of arrays'
    ),
    (
        repeat('{"a":', 65) || '1' || repeat('}', 65),
        'PT413 too_deep {"limit": 64}',
        'refuses 65 levels of objects'
    ),
    ('{"a": "' || repeat('9', 200) || '"}', null, 'takes any digits in a string'),
    (repeat('9', 100), null, 'takes 100 digits'),
    (
        '[' || repeat('9', 101) || ']',
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses 101 digits'
    ),
    ('-0.' || repeat('9', 100), null, 'takes 100 digits after the point'),
    (
        '-0.' || repeat('9', 101),
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses 101 digits after the point'
    ),
    ('1e400', null, 'takes an exponent of 400'),
    (
        '-1e401',
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses an exponent of 401'
    ),
    ('1.5e-400', null, 'takes an exponent of -400'),
    (
        '1e-501',
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses an exponent of -501'
    ),
    (
        '{"a": [{"b": 1e131071}]}',
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses 131072 digits out of 8 characters'
    ),
    (
        '0e-16000',
        'PT413 number_too_large {"digits": 100, "exponent": 400}',
        'refuses a zero of 16000 places'
    ),
    ('[0, -1, 1.25, true, null, "x", {}, []]', null, 'takes everyday values')
) as cases (document, expected, description);
select is(
    pg_temp.error_of($sql$ select jsonpatch.check_document('[[1]]', 1) $sql$),
    'PT413 too_deep {"limit": 1}',
    'takes the depth as a parameter'
);

select * from finish();
rollback;

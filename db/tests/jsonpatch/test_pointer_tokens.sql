-- jsonpatch.pointer_tokens: RFC 6901 sections 3 to 5.
begin;
select plan(10);

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
    jsonpatch.pointer_tokens(''),
    '{}'::text[],
    'reads the empty pointer as the whole document'
);
select is(
    jsonpatch.pointer_tokens('/'),
    array[''],
    'reads a lone slash as one empty token'
);
select is(
    jsonpatch.pointer_tokens('/a//b/'),
    array['a', '', 'b', ''],
    'keeps empty tokens in the middle and at the end'
);
select is(
    jsonpatch.pointer_tokens('/a~1b/m~0n/~01'),
    array['a/b', 'm~n', '~1'],
    'unescapes ~1 before ~0'
);
select is(
    jsonpatch.pointer_tokens('/c%d/ /g|h/i\j/k"l/é'),
    array['c%d', ' ', 'g|h', 'i\j', 'k"l', 'é'],
    'takes every other character as it is'
);
select is(
    jsonpatch.pointer_tokens(null),
    null::text[],
    'answers NULL for NULL'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.pointer_tokens('a/b') $sql$),
    'PT400 invalid_pointer {"pointer": "a/b"}',
    'refuses a pointer without a leading slash'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.pointer_tokens('/a~2') $sql$),
    'PT400 invalid_pointer {"pointer": "/a~2"}',
    'refuses an unknown escape'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.pointer_tokens('/a~') $sql$),
    'PT400 invalid_pointer {"pointer": "/a~"}',
    'refuses a tilde at the end'
);
select is(
    pg_temp.error_of($sql$ select jsonpatch.pointer_tokens('/a~/1') $sql$),
    'PT400 invalid_pointer {"pointer": "/a~/1"}',
    'refuses a tilde before a slash'
);

select * from finish();
rollback;

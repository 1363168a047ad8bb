-- core.error_fingerprint: errors of one cause share it.
begin;
select plan(10);

create function pg_temp.alike(p_one text, p_other text) returns boolean language sql as $$
    select core.error_fingerprint('c', p_one) = core.error_fingerprint('c', p_other)
$$;
select matches(core.error_fingerprint('code', 'message'), '^[0-9a-f]{16}$', 'sixteen hexadecimal digits');
select ok(pg_temp.alike('answered 500 after 1.25 s', 'answered 503 after 30 s'), 'numbers do not count');
select ok(
    pg_temp.alike(
        'page 0198c2a4-1111-7000-8000-0123456789ab: at 0x7fff01 of 0a1b2c3d4e5f',
        'page 0198C2A4-2222-7000-8000-BA9876543210: at 0xff of ffee00112233'
    ),
    'nor UUIDs and hexadecimal numbers'
);
select ok(pg_temp.alike('no word "one" in ''two''', 'no word "a ''b'' c" in ''x'''), 'nor quoted text');
select ok(pg_temp.alike(E'two\n  lines ', 'two lines'), 'nor white space');
select ok(
    pg_temp.alike(
        'http://127.0.0.1:4000/v1 answered 400:  too long, 9000 tokens',
        'http://127.0.0.1:4001/v1 answered 400: too long, 12,345 tokens'
    ),
    'as providers say it'
);
select ok(
    not pg_temp.alike('it can''t read and won''t try', 'it can''t write and won''t try'),
    'an apostrophe quotes nothing: what stands between two of them counts'
);
select ok(not pg_temp.alike('the facade decayed', 'the defaced decade'), 'words of the letters a to f are words');
select ok(
    core.error_fingerprint('lease_expired', 'm') <> core.error_fingerprint('embedding_refused', 'm'), 'the code counts'
);
select isnt(core.error_fingerprint(null, null), null, 'nothing is an error too');

select * from finish();
rollback;

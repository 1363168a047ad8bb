begin;
select plan(6);
select matches(core.error_fingerprint('code', 'text'), '^[0-9a-f]{16}$', 'sixteen hexadecimal digits');
select is(
    core.error_fingerprint('refused', 'http://127.0.0.1:4000/v1 answered 400:  too long, 9000 tokens'),
    core.error_fingerprint('refused', 'http://127.0.0.1:4001/v1 answered 400: too long, 12,345 tokens'),
    'numbers and white space do not count'
);
select is(
    core.error_fingerprint('refused', 'no "first" in 0190a0de-0000-7000-8000-000000000001'),
    core.error_fingerprint('refused', 'no "second one" in 0190A0DE-0000-7000-8000-00000000000F'),
    'quoted text and ids do not count'
);
select isnt(core.error_fingerprint('a', 'x'), core.error_fingerprint('b', 'x'), 'the code counts');
select isnt(core.error_fingerprint('a', 'x'), core.error_fingerprint('a', 'y'), 'words count');
select isnt(core.error_fingerprint(null, null), null, 'nothing is an error of its own');
select * from finish();
rollback;

-- ops.ensure_quickstart: the first workspace, once.
begin;
select plan(8);

create temporary table first as select * from ops.ensure_quickstart(null, null);
select results_eq(
    $$select is_new, token_is_valid, admin_token_is_valid from first$$, $$values (true, false, false)$$,
    'the first time the workspace is new and no token is known'
);
select is(
    (select m.role from core.workspace_members as m where m.user_id = (select first.user_id from first)), 'owner',
    'its user owns it'
);
select ops.create_token(user_id, sha256('t'), 't', array['read'], null) from first;
select ops.create_token(user_id, sha256('a'), 'a', array['admin'], null) from first;
select results_eq(
    $$
        select workspace_id, is_new, token_is_valid, admin_token_is_valid
        from ops.ensure_quickstart(sha256('t'), sha256('a'))
    $$,
    $$select workspace_id, false, true, true from first$$,
    'again it is the same workspace, and good tokens are known'
);
select results_eq(
    $$select token_is_valid, admin_token_is_valid from ops.ensure_quickstart(sha256('x'), null)$$,
    $$values (false, false)$$,
    'an unknown token is not good, and neither is none'
);
update core.workspaces set name = 'Ours' where id = (select workspace_id from first);
select is(
    (select workspace_id from ops.ensure_quickstart(null, null)), (select workspace_id from first),
    'a renamed workspace is still the one'
);
select ops.revoke_token(t.id) from core.tokens as t where t.token_hash = sha256('t');
select is((select token_is_valid from ops.ensure_quickstart(sha256('t'), null)), false, 'a revoked token is not good');
select ops.create_token(ops.create_user('eve'), sha256('e'), 'e', array['read'], null);
select is((select token_is_valid from ops.ensure_quickstart(sha256('e'), null)), false, 'nor is another user''s');
select is((select count(*) from core.users where name = 'quickstart'), 1::bigint, 'there is one user');

select * from finish();
rollback;

-- ops.create_workspace, create_user, find_user, add_member, create_token, revoke_token, list_tokens.
begin;
select plan(21);

create temporary table made as
select ops.create_workspace('A workspace') as workspace_id, ops.create_user('ann') as user_id;

select is(
    (select name from core.workspaces where id = (select workspace_id from made)), 'A workspace', 'a workspace is made'
);
select isnt(
    ops.create_workspace('A workspace'), (select workspace_id from made), 'names of workspaces may repeat'
);
select is(ops.find_user('ann'), (select user_id from made), 'a user is found by name');
select is(ops.find_user('nobody'), null, 'an unknown name is NULL');
select throws_ok($$select ops.create_user('ann')$$, '23505', null, 'names of users may not repeat');
select throws_ok($$select ops.create_user('')$$, '23514', null, 'nor be empty');

select lives_ok($$select ops.add_member(workspace_id, user_id, 'viewer') from made$$, 'a user becomes a member');
select lives_ok($$select ops.add_member(workspace_id, user_id, 'owner') from made$$, 'again changes the role');
select results_eq(
    $$select role from core.workspace_members where user_id = (select user_id from made)$$, $$values ('owner')$$,
    'there is one membership, of the newest role'
);
select throws_ok(
    $$select ops.add_member(core.new_id(), user_id, 'viewer') from made$$, '23503', null,
    'an unknown workspace is refused'
);
select throws_ok(
    $$select ops.add_member(workspace_id, core.new_id(), 'viewer') from made$$, '23503', null,
    'an unknown user is refused'
);
select throws_ok(
    $$select ops.add_member(workspace_id, user_id, 'king') from made$$, '23514', null,
    'an unknown role is refused'
);

create temporary table tokens as
select ops.create_token(user_id, sha256('a'), 'laptop', array['read'], null) as id from made;
select throws_ok(
    $$select ops.create_token(user_id, sha256('a'), 'twin', array['read'], null) from made$$, '23505', null,
    'the same token is refused'
);
select throws_ok(
    $$select ops.create_token(user_id, 'a', 'short', array['read'], null) from made$$, '23514', null,
    'a token that is not hashed is refused'
);
select throws_ok(
    $$select ops.create_token(user_id, sha256('b'), 'bad', array['fly'], null) from made$$, '23514', null,
    'an unknown scope is refused'
);
select throws_ok(
    $$select ops.create_token(core.new_id(), sha256('b'), 'bad', array['read'], null)$$, '23503', null,
    'an unknown user is refused'
);
select results_eq(
    $$select id, user_name, name, scopes, revoked_at is null from ops.list_tokens() where user_name = 'ann'$$,
    $$select id, 'ann', 'laptop', array['read'], true from tokens$$,
    'the list shows the token with its owner'
);
select ok(ops.revoke_token((select id from tokens)), 'revoking is true the first time');
select ok(not ops.revoke_token((select id from tokens)), 'and false the second');
select ok(not ops.revoke_token(core.new_id()), 'and false for a token that is not there');
select is_empty(
    $$
        select p.proname, r.role
        from pg_proc as p
        cross join (values ('quire_api'), ('quire_worker'), ('quire_monitor')) as r (role)
        where
            p.pronamespace = 'ops'::regnamespace
            and p.proname in (
                'create_workspace', 'create_user', 'find_user', 'add_member', 'create_token', 'revoke_token',
                'list_tokens', 'ensure_quickstart'
            )
            and has_function_privilege(r.role, p.oid, 'execute')
    $$,
    'neither the API nor the worker nor the monitor may make users, members or tokens'
);

select * from finish();
rollback;

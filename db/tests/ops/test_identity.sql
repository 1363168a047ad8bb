-- Users, workspaces, members, tokens, subjects: the functions of schema ops.
begin;
select plan(56);

create function pg_temp.audit() returns text language sql as $$
    -- actions since the last call; time stands still, so they have no order of their own
    with gone as (delete from core.audit_log returning *)
    select string_agg(g.action, ' ' order by g.action) from gone as g
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name;
    return concat_ws(' ', v_state, v_slug);
end;
$$;
create function pg_temp.at(p_seconds numeric) returns void language sql as $$
    select set_config(
        'quire.fake_now', (timestamptz '2030-01-01 00:00:00Z' + make_interval(secs => p_seconds))::text, true
    );
$$;
select pg_temp.at(0);

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
select throws_ok($$select ops.create_user('')$$, 'PT422', null, 'nor be empty');

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
    $$select ops.add_member(workspace_id, user_id, 'king') from made$$, 'PT422', null,
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
    $$select ops.create_token(user_id, sha256('b'), 'bad', array['fly'], null) from made$$, 'PT422', null,
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

-- names
select is(pg_temp.problem($$select ops.create_user(E'a\nb')$$), 'PT422 invalid_value', 'names have no control characters');
select is(pg_temp.problem($$select ops.create_workspace('   ')$$), 'PT422 invalid_value', 'and are not only spaces');
select is(
    pg_temp.problem($$select ops.create_workspace(repeat('x', 201))$$), 'PT422 invalid_value', 'nor longer than 200'
);
select lives_ok($$select ops.rename_workspace(workspace_id, 'Renamed') from made$$, 'a workspace gets another name');
select is((select name from core.workspaces where id = workspace_id), 'Renamed', 'and has it') from made;
select is(
    pg_temp.problem($$select ops.rename_workspace(core.new_id(), 'x')$$), 'PT404 workspace_not_found',
    'one that is not there cannot be renamed'
);
select pg_temp.audit();
select ops.rename_workspace(workspace_id, 'Renamed') from made;
select is(pg_temp.audit(), null, 'what changes nothing is not written down');

-- members; ann is the only owner so far
create temporary table bob as select ops.create_user('bob') as user_id;
select ok(ops.add_member(made.workspace_id, bob.user_id, 'editor'), 'true for a new member') from made, bob;
select ok(not ops.add_member(made.workspace_id, bob.user_id, 'viewer'), 'false for one that is there') from made, bob;
select ok(not ops.add_member(made.workspace_id, bob.user_id, 'viewer'), 'also when nothing changes') from made, bob;
select is(
    pg_temp.audit(), 'members.add members.change users.create', 'each change is written down, and nothing else is'
);
select is(
    pg_temp.problem($$select ops.add_member(workspace_id, user_id, 'editor') from made$$), 'PT409 last_owner',
    'the last owner cannot be made less'
);
select is(
    pg_temp.problem($$select ops.remove_member(workspace_id, user_id) from made$$), 'PT409 last_owner',
    'nor be removed'
);
select lives_ok($$select ops.add_member(workspace_id, user_id, 'owner') from made$$, 'but stay what it is');
select ops.add_member(made.workspace_id, bob.user_id, 'owner') from made, bob;
select lives_ok($$select ops.remove_member(workspace_id, user_id) from made$$, 'with a second owner it may go');
select is(
    pg_temp.problem($$select ops.remove_member(workspace_id, user_id) from made$$), 'PT404 member_not_found',
    'who is no member cannot be removed'
);
select is(
    pg_temp.problem($$select ops.remove_member(core.new_id(), user_id) from made$$), 'PT404 workspace_not_found',
    'nor from a workspace that is not there'
);
select is(pg_temp.audit(), 'members.change members.remove', 'refusals are not written down');
select results_eq(
    $$select m.name, m.role from made, ops.list_members(made.workspace_id) as m$$, $$values ('bob', 'owner')$$,
    'who is in it'
);
select results_eq(
    $$select w.name, w.members, w.owners from ops.list_workspaces() as w join made on made.workspace_id = w.id$$,
    $$values ('Renamed', 1::bigint, 1::bigint)$$, 'workspaces with their members'
);
select results_eq(
    $$select u.name, u.workspaces, u.tokens, u.subjects from ops.list_users() as u where u.name in ('ann', 'bob')
    order by u.name$$,
    $$values ('ann', 0::bigint, 0::bigint, 0::bigint), ('bob', 1, 0, 0)$$, 'users with what they have'
);
select is((select count(*) from ops.list_users((select max(id::text)::uuid from core.users))), 0::bigint, 'behind the last');
select is(pg_temp.problem('select ops.list_users(null, 0)'), 'PT400 bad_limit', 'a part of 0 users is refused');

-- rotation
create temporary table old as
select ops.create_token(user_id, sha256('old'), 'ci', array['read', 'write'], '2030-02-01 00:00:00Z') as id from bob;
create temporary table new as select ops.rotate_token(id, sha256('new'), '1 hour') as id from old;
select results_eq(
    $$select t.user_id, t.name, t.scopes, t.expires_at from core.tokens as t join new using (id)$$,
    $$select t.user_id, t.name, t.scopes, t.expires_at from core.tokens as t join old using (id)$$,
    'the new token is like the old one'
);
select pg_temp.at(3599);
select is((select decision from api.admit(sha256('old'), null, null, null, null)), 'allowed', 'the old one goes on in the grace');
select is((select decision from api.admit(sha256('new'), null, null, null, null)), 'allowed', 'beside the new one');
select pg_temp.at(3600);
select is((select decision from api.admit(sha256('old'), null, null, null, null)), 'unauthorized', 'and ends with it');
select is(
    pg_temp.problem($$select ops.rotate_token(id, sha256('x')) from old$$), 'PT409 token_ended', 'once is enough'
);
select lives_ok($$select ops.rotate_token(id, sha256('newer')) from new$$, 'the new one can be rotated');
select is((select decision from api.admit(sha256('new'), null, null, null, null)), 'unauthorized', 'without a grace it ends at once');
select is(
    pg_temp.problem($$select ops.rotate_token(core.new_id(), sha256('x'))$$), 'PT404 token_not_found',
    'what is not there cannot be rotated'
);
select is(
    pg_temp.problem($$
        select ops.rotate_token(t.id, sha256('x'), '31 days') from core.tokens as t where t.token_hash = sha256('newer')
    $$), 'PT422 invalid_value', 'a grace has an end'
);
select is(
    (
        select string_agg(a.action, ' ' order by a.action) || ' ' || bool_or(a.details::text like '%hash%')
        from core.audit_log as a
    ),
    'tokens.create tokens.rotate tokens.rotate false', 'all of it is written down, without hashes'
);
select ok(ops.revoke_token(id), 'a token in its grace can be revoked')
from (select ops.rotate_token(t.id, sha256('newest'), '1 day'), t.id from core.tokens as t where t.token_hash = sha256('newer'))
as rotated;
select is((select decision from api.admit(sha256('newer'), null, null, null, null)), 'unauthorized', 'and ends at once');

select is_empty(
    $$
        select p.proname, r.role
        from pg_proc as p
        cross join (values ('quire_api'), ('quire_worker'), ('quire_monitor')) as r (role)
        where
            p.pronamespace = 'ops'::regnamespace
            and p.proname in (
                'create_workspace', 'create_user', 'find_user', 'add_member', 'create_token', 'revoke_token',
                'list_tokens', 'ensure_quickstart', 'rotate_token', 'rename_workspace', 'remove_member',
                'list_members', 'list_users', 'list_workspaces', 'link_subject', 'disable_subject', 'list_subjects'
            )
            and has_function_privilege(r.role, p.oid, 'execute')
    $$,
    'neither the API nor the worker nor the monitor may make users, members or tokens'
);

select * from finish();
rollback;

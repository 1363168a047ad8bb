-- api.admit_subject: whom a JWT names, and what it may become.
begin;
select plan(39);

select set_config('quire.fake_now', '2031-05-05 12:30:00+00', true);
create function pg_temp.admit(
    p_subject text, p_scopes text[] default '{read}', p_policy text default null, p_workspace uuid default null,
    p_create boolean default false, p_role text default null, p_issuer text default 'https://id'
) returns text language plpgsql as $$
declare
    v_said record;
begin
    select a.* into v_said
    from api.admit_subject(
        p_issuer, p_subject, p_scopes, array_remove(array[p_policy], null), array[1], p_workspace, '127.0.0.1', p_create,
        p_role
    ) as a;
    return concat_ws(
        ' ', v_said.decision, (select u.name from core.users as u where u.id = v_said.user_id), v_said.scopes::text,
        v_said.policy, v_said.remaining, v_said.token_id
    );
end;
$$;
create function pg_temp.audit() returns text language sql as $$
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
insert into core.rate_policies (name, points, window_seconds, block_seconds, per, mode, on_failure) values
('two', 2, 10, 0, 'user', 'enforce', 'open'), ('two-a-token', 2, 10, 0, 'token', 'enforce', 'open');
create temporary table made as
select ops.create_user('ann') as ann, ops.create_workspace('W') as workspace, ops.create_user('bob') as bob;
select pg_temp.audit();

-- who
select is(pg_temp.admit('s-1'), 'unknown_subject anonymous 299', 'a subject that nobody linked is not let in');
select is(
    (select cardinality(b.hits) from core.rate_buckets as b where b.policy = 'anonymous'), 1,
    'it counts for its peer, as an unknown token does'
);
select is((select count(*) from core.subjects), 0::bigint, 'and leaves nothing behind');
select lives_ok($$select ops.link_subject('https://id', 's-1', ann) from made$$, 'an operator links it');
select is(pg_temp.admit('s-1'), 'allowed ann {read}', 'then it is that user');
select is(pg_temp.admit('s-1', p_issuer => 'https://other'), 'unknown_subject anonymous 298', 'of this issuer only');
select is(
    (select last_seen_at from core.subjects), timestamptz '2031-05-05 12:00:00+00', 'its use is noted to the hour'
);
select ok(ops.disable_subject('https://id', 's-1'), 'an operator disables it');
select ok(not ops.disable_subject('https://id', 's-1'), 'once');
select ok(not ops.disable_subject('https://id', 's-9'), 'and none that is not there');
select is(pg_temp.admit('s-1'), 'unknown_subject anonymous 297', 'from then on it is refused');
select is(pg_temp.admit('s-1', p_create => true), 'unknown_subject anonymous 296', 'also where new ones get a user');
select ops.link_subject('https://id', 's-1', bob) from made;
select is(pg_temp.admit('s-1'), 'allowed bob {read}', 'linked again it is let in, as another user');
select is(pg_temp.audit(), 'subjects.disable subjects.link subjects.link', 'all of it is written down');
select results_eq(
    $$select s.issuer, s.subject, s.user_name, s.disabled_at from ops.list_subjects() as s$$,
    $$values ('https://id', 's-1', 'bob', null::timestamptz)$$, 'and listed'
);
select is_empty($$select s.* from made, ops.list_subjects(ann) as s$$, 'by user');
select is_empty($$select s.* from ops.list_subjects(null, 'https://id', 's-1') as s$$, 'part by part');
select is(
    pg_temp.problem($$select ops.link_subject('https://id', '', ann) from made$$), 'PT422 invalid_value', 'a subject has a name'
);
select is(
    pg_temp.problem($$select ops.link_subject('https://id', 's', gen_random_uuid())$$), '23503 subjects_user_fk',
    'and is a user that is there'
);

-- first sight
select is(pg_temp.admit('s-2', p_create => true), 'allowed s-2 (id) {read}', 'one never seen gets a user where that is wanted');
select is(pg_temp.audit(), 'subjects.link users.create', 'which is written down');
select is(pg_temp.admit('s-2', p_create => true), 'allowed s-2 (id) {read}', 'once');
select is(pg_temp.audit(), null, 'and no more');
select ops.create_user('ann (id)');
select matches(
    pg_temp.admit('ann', p_create => true), '^allowed ann \(id\) [0-9a-f-]{36} \{read\}$',
    'a subject with the name of a user does not become that user'
);
select is(
    (select count(*) from core.subjects as s inner join core.users as u on u.id = s.user_id where u.name in ('ann', 'ann (id)')),
    0::bigint, 'no user was taken over'
);

-- scopes
select is(
    pg_temp.admit('s-1', '{read,write,metrics,admin,bypass_rate_limit,fly}'), 'allowed bob {read,write,metrics}',
    'a claim gives no scope of operators'
);
select is(pg_temp.admit('s-1', '{}'), 'allowed bob {}', 'nor more than it says');
select is(
    pg_temp.problem($$select r.* from made, api.admin_list_users(bob, null, 9, null) as r$$), 'PT403 operator_required',
    'functions for operators want a token'
);

-- limits
select is(pg_temp.admit('s-1', p_policy => 'two'), 'allowed bob {read} two 1', 'it is counted');
select ops.create_token(bob, sha256('t'), '', '{read}') from made;
select is((select remaining from api.admit(sha256('t'), array['two'], array[1], null, null)), 0, 'together with the tokens of its user');
select is(pg_temp.admit('s-1', p_policy => 'two'), 'limited bob {read} two 0', 'and limited');
select is(pg_temp.admit('s-1', p_policy => 'two-a-token'), 'allowed bob {read} two-a-token 1', 'per token means per user');

-- a role by claim
select pg_temp.audit();
select is(pg_temp.admit('s-1', p_workspace => workspace), 'allowed bob {read}', 'without a role')
from made;
select is_empty($$select from core.workspace_members as m, made where m.user_id = bob$$, 'it becomes no member');
select pg_temp.admit('s-1', p_workspace => workspace, p_role => 'editor') from made;
select pg_temp.admit('s-1', p_workspace => workspace, p_role => 'owner') from made;
select pg_temp.admit('s-1', p_workspace => gen_random_uuid(), p_role => 'editor');
select results_eq(
    $$select m.role from core.workspace_members as m, made where m.user_id = bob$$, $$values ('editor')$$,
    'with one it becomes a member, and what it is stays as it is'
);
select is(pg_temp.audit(), 'members.add', 'written down once');

-- privileges
select ok(
    has_function_privilege(
        'quire_api', 'api.admit_subject(text, text, text[], text[], integer[], uuid, text, boolean, text)', 'execute'
    ), 'quire_api may call it'
);
select ok(not has_table_privilege('quire_api', 'core.subjects', 'select'), 'but not read subjects');

update core.rate_policies set points = 1 where name = 'anonymous';
select is(pg_temp.admit('s-404'), 'limited anonymous 0', 'and is refused before it is looked at for ever');
select * from finish();
rollback;

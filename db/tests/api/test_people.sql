-- api.get_me, workspaces, members, and api.admin_* for workspaces, users, tokens and the audit log.
begin;
select plan(96);

select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
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
-- People: olga operates, ann owns a workspace, ed edits in it, vic views, sam is a stranger with one of his own.
create temporary table people as
select n as name, ops.create_user(n) as id from unnest('{olga,ann,ed,vic,sam}'::text[]) as n;
create function pg_temp.person(p_name text) returns uuid language sql as $$
    select id from people where name = split_part(p_name, ' ', 1)
$$;
create temporary table tokens as
select p.name, ops.create_token(
    p.id, sha256(p.name::bytea), 'of ' || p.name,
    case p.name when 'olga' then '{read,write,admin}' else '{read,write}' end::text[]
) as id from people as p;
insert into tokens values ('olga without', ops.create_token(pg_temp.person('olga'), sha256('w'), 'w', '{read,write,metrics}'));
create function pg_temp.token(p_name text) returns uuid language sql as $$
    select id from tokens where name = p_name
$$;
create temporary table spaces as
select 'ours' as name, ops.create_workspace('Ours', pg_temp.person('ann')) as id
union all
select 'theirs', ops.create_workspace('Theirs', pg_temp.person('sam'))
union all
select 'none', '00000000-0000-4000-8000-000000000000';
create function pg_temp.space(p_name text) returns uuid language sql as $$
    select id from spaces where name = p_name
$$;
select ops.add_member(pg_temp.space('ours'), pg_temp.person('ed'), 'editor');
select ops.add_member(pg_temp.space('ours'), pg_temp.person('vic'), 'viewer');
truncate core.audit_log;

-- What a function says to a person: its body or its problem. %1: workspace, %2: actor, %3: token
create function pg_temp.as(p_name text, p_call text, p_space text default 'ours') returns jsonb language plpgsql as $$
declare
    v_body jsonb;
    v_state text;
    v_slug text;
begin
    execute format(
        'select to_jsonb(r) from (select * from api.' || p_call || ') as r', pg_temp.space(p_space), pg_temp.person(p_name),
        pg_temp.token(p_name)
    ) into v_body;
    return case when v_body ? 'body' then (v_body ->> 'body')::jsonb else v_body end;
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name;
    return to_jsonb(concat_ws(' ', v_state, v_slug));
end;
$$;

-- me
create temporary table me as select pg_temp.as('ann', 'get_me(%2$L, %3$L, ''{read}'', null, 10, null)') as body;
select is(body -> 'user', jsonb_build_object('id', pg_temp.person('ann'), 'name', 'ann'), 'the caller') from me;
select is(body #>> '{token,name}', 'of ann', 'its token') from me;
select ok(not body -> 'token' ? 'token_hash', 'without the hash') from me;
select is(body -> 'scopes', '["read"]', 'the scopes of this request') from me;
select is(
    body -> 'workspaces', jsonb_build_array(jsonb_build_object('id', pg_temp.space('ours'), 'name', 'Ours', 'role', 'owner')),
    'its workspaces, with its role'
) from me;
select is(
    pg_temp.as('ann', 'get_me(%2$L, null, ''{read}'', ''{}'', 10, null)') -> 'workspaces', '[]',
    'narrowed to none there are none'
);
select is(
    pg_temp.as('ann', 'get_me(%2$L, null, ''{read}'', array[%1$L, gen_random_uuid()]::uuid[], 10, null)')
    #>> '{workspaces,0,name}', 'Ours', 'narrowed to its own there is that'
);
select is(pg_temp.as('ann', 'get_me(%2$L, null, ''{read}'', null, 10, null)') -> 'token', 'null', 'a JWT has no token');
select is(
    pg_temp.as('ann', format('get_me(%%2$L, %L, ''{read}'', null, 10, null)', pg_temp.token('sam'))) -> 'token', 'null',
    'another''s token is not shown'
);
select is(pg_temp.as('ann', 'get_me(%2$L, %3$L, ''{}'', null, 0, null)'), '"PT400 bad_limit"', 'a part of none');
select is(pg_temp.as('ann', 'get_me(%2$L, %3$L, ''{}'', null, 9, ''x'')'), '"PT400 bad_cursor"', 'no cursor of ours');
select ops.create_workspace('More ' || n, pg_temp.person('vic')) from generate_series(1, 4) as n;
create function pg_temp.walk(p_call text, p_path text[]) returns bigint[] language plpgsql as $$
declare
    v_cursor text;
    v_body jsonb;
    v_sizes bigint[];
begin
    loop
        v_body := pg_temp.as(split_part(p_call, ' ', 1), format(split_part(p_call, ' ', 2), v_cursor));
        v_sizes := v_sizes || (select count(distinct e.value) from jsonb_array_elements(v_body #> p_path) as e);
        v_cursor := v_body ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return v_sizes;
end;
$$;
select is(
    pg_temp.walk('vic get_me(%%2$L,%%3$L,''{}'',null,2,%L)', '{workspaces}'), '{2,2,1}', 'workspaces part by part'
);

-- a workspace
select is(
    pg_temp.as(w.who, 'get_workspace(%1$L, %2$L, %3$L)', w.space) ->> 'role', w.role, w.who || ' sees ' || w.space
) from (
    values ('ann', 'ours', 'owner'), ('vic', 'ours', 'viewer'), ('olga', 'ours', null), ('olga', 'theirs', null)
) as w (who, space, role);
select is(
    pg_temp.as(w.who, 'get_workspace(%1$L, %2$L, %3$L)', w.space), '"PT404 workspace_not_found"',
    w.who || ' does not see ' || w.space
) from (
    values ('ann', 'theirs'), ('ann', 'none'), ('sam', 'ours'), ('olga', 'none'), ('olga without', 'ours')
) as w (who, space);
select is(
    pg_temp.as('ann', 'rename_workspace(%1$L, %2$L, %3$L, ''{"name": "New"}'')') ->> 'name', 'New', 'an owner renames it'
);
select is(
    pg_temp.as('olga', 'rename_workspace(%1$L, %2$L, %3$L, ''{"name": "Newer"}'')') ->> 'name', 'Newer', 'an operator, too'
);
select is(
    pg_temp.as(w.who, 'rename_workspace(%1$L, %2$L, %3$L, ''{"name": "X"}'')', w.space), to_jsonb(w.problem),
    w.who || ' cannot rename ' || w.space
) from (
    values
    ('ed', 'ours', 'PT403 role_required'), ('vic', 'ours', 'PT403 role_required'),
    ('sam', 'ours', 'PT404 workspace_not_found'), ('ann', 'none', 'PT404 workspace_not_found')
) as w (who, space, problem);
select is(
    pg_temp.as('ann', format('rename_workspace(%%1$L, %%2$L, %%3$L, %L)', b.body)), to_jsonb(b.problem), b.body || ' is refused'
) from (
    values
    ('{}', 'PT422 member_missing'), ('{"name": ""}', 'PT422 invalid_value'), ('{"id": 1}', 'PT422 unknown_member'),
    ('[', 'PT400 malformed_json')
) as b (body, problem);

-- members
select is(
    (
        select string_agg(concat_ws(' ', m ->> 'name', m ->> 'role'), ', ' order by m ->> 'name')
        from jsonb_array_elements(pg_temp.as('vic', 'list_members(%1$L, %2$L, %3$L, 10, null)') -> 'members') as m
    ), 'ann owner, ed editor, vic viewer', 'every member sees who is in it'
);
select is(pg_temp.walk('olga list_members(%%1$L,%%2$L,%%3$L,2,%L)', '{members}'), '{2,1}', 'an operator, too, part by part');
select is(
    pg_temp.as('ed', format('get_member(%%1$L, %%2$L, %%3$L, %L)', pg_temp.person('ann'))) ->> 'role', 'owner', 'one member'
);
select is(
    pg_temp.as('ed', format('get_member(%%1$L, %%2$L, %%3$L, %L)', pg_temp.person('sam'))), '"PT404 member_not_found"',
    'who is no member is not there'
);
select is(
    pg_temp.as('sam', c.call), '"PT404 workspace_not_found"', 'a stranger is told nothing by ' || split_part(c.call, '(', 1)
) from (
    values ('list_members(%1$L, %2$L, %3$L, 10, null)'), ('get_member(%1$L, %2$L, %3$L, %2$L)'),
    ('put_member(%1$L, %2$L, %3$L, %2$L, ''{"role": "owner"}'')'), ('remove_member(%1$L, %2$L, %3$L, %2$L)')
) as c (call);
create function pg_temp.put(p_who text, p_whom text, p_role text, p_space text default 'ours')
returns jsonb language sql as $$
    select pg_temp.as(
        p_who, format('put_member(%%1$L, %%2$L, %%3$L, %L, %L)', coalesce(pg_temp.person(p_whom), gen_random_uuid()),
            jsonb_build_object('role', p_role)), p_space
    )
$$;
create function pg_temp.drop(p_who text, p_whom text) returns jsonb language sql as $$
    select pg_temp.as(p_who, format('remove_member(%%1$L, %%2$L, %%3$L, %L)', pg_temp.person(p_whom)))
$$;
select is(
    pg_temp.as('ann', format('put_member(%%1$L, %%2$L, %%3$L, %L, ''{"role": "viewer"}'')', pg_temp.person('sam')))
    - 'created_at', jsonb_build_object('user_id', pg_temp.person('sam'), 'name', 'sam', 'role', 'viewer'),
    'an owner lets somebody in'
);
select is(pg_temp.put('olga', 'sam', 'editor') ->> 'role', 'editor', 'an operator changes a role');
select is(pg_temp.put('ann', 'nobody', 'viewer'), '"PT404 user_not_found"', 'who is no user cannot be let in');
select is(pg_temp.put('ann', 'sam', 'king'), '"PT422 invalid_value"', 'there is no such role');
select is(pg_temp.put('ed', 'ed', 'owner'), '"PT403 role_required"', 'an editor does not make itself an owner');
select is(pg_temp.put('olga without', 'olga', 'owner'), '"PT404 workspace_not_found"', 'nor an operator without the scope');
select is(pg_temp.put('ann', 'ann', 'editor'), '"PT409 last_owner"', 'the last owner stays one');
select is(pg_temp.drop('ann', 'ann'), '"PT409 last_owner"', 'and stays in');
select is(pg_temp.drop('olga', 'ann'), '"PT409 last_owner"', 'whoever asks');
select is(pg_temp.drop('vic', 'ed'), '"PT403 role_required"', 'a viewer throws nobody out');
select is(pg_temp.drop('vic', 'vic') ->> 'user_id', pg_temp.person('vic')::text, 'but may leave');
select is(pg_temp.drop('ann', 'sam') ->> 'user_id', pg_temp.person('sam')::text, 'an owner may throw out');
select is(pg_temp.drop('ann', 'sam'), '"PT404 member_not_found"', 'once');
select is(pg_temp.put('sam', 'ann', 'viewer', 'none'), '"PT404 workspace_not_found"', 'a workspace that is not there');

-- workspaces and users of the installation
select is(
    pg_temp.as('olga', 'admin_create_workspace(%2$L, %3$L, ''{"name": "W"}'')') ->> 'role', 'owner',
    'an operator makes a workspace and owns it'
);
select is(
    pg_temp.as('olga', 'get_me(%2$L, %3$L, ''{}'', null, 9, null)') #>> '{workspaces,0,role}', 'owner', 'its maker owns it'
);
select is(
    pg_temp.as('olga', format('admin_create_workspace(%%2$L, %%3$L, ''{"name": "W", "owner": "%s"}'')', pg_temp.person('ed')))
    ->> 'role', null, 'or the owner that is named'
);
select is(
    pg_temp.as('olga', 'admin_create_workspace(%2$L, %3$L, ''{"name": "W", "owner": "00000000-0000-4000-8000-000000000000"}'')'),
    '"PT404 user_not_found"', 'who must be there'
);
select cmp_ok(
    (select sum(n) from unnest(pg_temp.walk('olga admin_list_workspaces(%%2$L,%%3$L,3,%L)', '{workspaces}')) as n),
    '>=', 8::numeric, 'all workspaces part by part'
);
select cmp_ok(
    (select sum(n) from unnest(pg_temp.walk('olga admin_list_users(%%2$L,%%3$L,2,%L)', '{users}')) as n),
    '>=', 5::numeric, 'all users part by part'
);
select is(pg_temp.as('olga', 'admin_create_user(%2$L, %3$L, ''{"name": "zoe"}'')') ->> 'name', 'zoe', 'a new user');
select is(
    pg_temp.as('olga', 'admin_create_user(%2$L, %3$L, ''{"name": "zoe"}'')'), '"PT409 user_exists"', 'names are unique'
);

-- tokens
create function pg_temp.make(p_body text) returns jsonb language sql as $$
    select pg_temp.as('olga', format(
        'admin_create_token(%%2$L, %%3$L, %L, %L)', sha256(gen_random_uuid()::text::bytea),
        replace(p_body, 'ED', pg_temp.person('ed')::text)
    ))
$$;
create temporary table made as
select pg_temp.make('{"user_id": "ED", "name": "n", "scopes": ["write", "read"], "expires_at": "2032-01-01T00:00:00Z"}') as body;
select is(
    body - 'id', jsonb_build_object(
        'user_id', pg_temp.person('ed'), 'user_name', 'ed', 'name', 'n', 'scopes', array['write', 'read'],
        'created_at', '2031-05-05T12:00:00.000000Z', 'expires_at', '2032-01-01T00:00:00.000000Z', 'revoked_at', null,
        'last_used_at', null
    ), 'a new token'
) from made;
select is(pg_temp.make(b.body), to_jsonb(b.problem), b.body || ' is refused') from (
    values
    ('{"user_id": "ED", "scopes": ["metrics"]}', 'PT403 scope_not_held'),
    ('{"user_id": "ED", "scopes": ["read", "bypass_rate_limit"]}', 'PT403 scope_not_held'),
    ('{"user_id": "ED", "scopes": ["fly"]}', 'PT422 invalid_value'),
    ('{"user_id": "ED", "scopes": []}', 'PT422 invalid_value'),
    ('{"user_id": "ED"}', 'PT422 member_missing'),
    ('{"scopes": ["read"]}', 'PT422 member_missing'),
    ('{"user_id": "00000000-0000-4000-8000-000000000000", "scopes": ["read"]}', 'PT404 user_not_found'),
    ('{"user_id": "ED", "scopes": ["read"], "expires_at": "2031-05-05T12:00:00Z"}', 'PT422 invalid_value')
) as b (body, problem);
select is(
    pg_temp.as('olga', format('admin_list_tokens(%%2$L, %%3$L, %L, 10, null)', pg_temp.person('ed'))) #> '{tokens}'
    @> (select jsonb_build_array(body) from made), true, 'is in the list of its user'
);
select cmp_ok(
    (select sum(n) from unnest(pg_temp.walk('olga admin_list_tokens(%%2$L,%%3$L,null,3,%L)', '{tokens}')) as n),
    '>=', 7::numeric, 'all tokens part by part'
);
create function pg_temp.rotate(p_id uuid, p_body text) returns jsonb language sql as $$
    select pg_temp.as('olga', format(
        'admin_rotate_token(%%2$L, %%3$L, %L, %L, %L)', p_id, sha256(gen_random_uuid()::text::bytea), p_body
    ))
$$;
create temporary table rotated as
select pg_temp.rotate((body ->> 'id')::uuid, '{"grace_seconds": 60}') as body from made;
select is(
    rotated.body - 'id', made.body - 'id', 'a rotation gives one that is like it'
) from rotated, made;
select is(
    (select revoked_at from core.tokens where id = (body ->> 'id')::uuid), timestamptz '2031-05-05 12:01:00+00',
    'and the old one ends after the grace'
) from made;
select is(pg_temp.rotate((body ->> 'id')::uuid, '{}'), '"PT409 token_ended"', 'it cannot be rotated again') from made;
select is(pg_temp.rotate(gen_random_uuid(), '{}'), '"PT404 token_not_found"', 'nor one that is not there');
select is(pg_temp.rotate((body ->> 'id')::uuid, '{"grace_seconds": -1}'), '"PT422 invalid_value"', 'a grace is a time')
from rotated;
select is(
    pg_temp.rotate(pg_temp.token('olga without'), '{}'), '"PT403 scope_not_held"',
    'who lacks a scope cannot come by it by a rotation'
);
create function pg_temp.revoke(p_id uuid) returns jsonb language sql as $$
    select pg_temp.as('olga', format('admin_revoke_token(%%2$L, %%3$L, %L)', p_id))
$$;
select is(pg_temp.revoke((body ->> 'id')::uuid), '{"revoked": true}', 'a token is revoked') from rotated;
select is(pg_temp.revoke((body ->> 'id')::uuid), '{"revoked": false}', 'once') from rotated;
select is(pg_temp.revoke(gen_random_uuid()), '"PT404 token_not_found"', 'one that is not there is not');

-- the log
select is(
    (
        select string_agg(distinct e ->> 'action', ' ' order by e ->> 'action')
        from jsonb_array_elements(
            pg_temp.as('olga', 'admin_list_audit(%2$L, %3$L, null, null, null, 200, null)') -> 'entries'
        ) as e
    ),
    'members.add members.change members.remove tokens.create tokens.revoke tokens.rotate users.create workspaces.create'
    || ' workspaces.rename', 'every kind of change is in the log'
);
select is(
    (
        select count(*) from jsonb_array_elements(pg_temp.as('olga', format(
            'admin_list_audit(%%2$L, %%3$L, %L, %%1$L, %L, 200, null)', 'members.remove', pg_temp.person('ann')
        )) -> 'entries') as e
        where e ->> 'name' = 'ann' and (e ->> 'token_id')::uuid = pg_temp.token('ann')
            and (e #>> '{details,user_id}')::uuid = pg_temp.person('sam')
    ), 1::bigint, 'narrowed down by action, workspace and user, with the token that did it'
);
select cmp_ok(
    (select sum(n) from unnest(pg_temp.walk('olga admin_list_audit(%%2$L,%%3$L,null,null,null,4,%L)', '{entries}')) as n),
    '=', (select count(*)::numeric from core.audit_log), 'all of it part by part'
);
select is(
    (select count(*) from core.audit_log where details::text ~ 'hash|quire_'), 0::bigint, 'no entry has a token or a hash'
);

-- not an operator
select is(
    pg_temp.as('olga without', c.call), '"PT403 operator_required"', split_part(c.call, '(', 1) || ' is for operators'
) from (
    values
    ('admin_create_workspace(%2$L, %3$L, ''{}'')'), ('admin_list_workspaces(%2$L, %3$L, 9, null)'),
    ('admin_create_user(%2$L, %3$L, ''{}'')'), ('admin_list_users(%2$L, %3$L, 9, null)'),
    ('admin_create_token(%2$L, %3$L, ''x'', ''{}'')'), ('admin_list_tokens(%2$L, %3$L, null, 9, null)'),
    ('admin_revoke_token(%2$L, %3$L, %2$L)'), ('admin_rotate_token(%2$L, %3$L, %2$L, ''x'', ''{}'')'),
    ('admin_list_audit(%2$L, %3$L, null, null, null, 9, null)')
) as c (call);
select is(
    pg_temp.problem(format('select api.admin_list_users(%L, null, 9, null)', pg_temp.person('olga'))),
    'PT403 operator_required', 'nor without a token'
);

-- privileges
select is_empty(
    $$
        select p.proname from pg_proc as p
        where p.pronamespace = 'api'::regnamespace and (
            not has_function_privilege('quire_api', p.oid, 'execute')
            or has_function_privilege('quire_worker', p.oid, 'execute')
            or has_function_privilege('quire_monitor', p.oid, 'execute')
        )
    $$, 'functions of api are for quire_api'
);

select * from finish();
rollback;

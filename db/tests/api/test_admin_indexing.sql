-- api.admin_*: for tokens with scope admin, as JSON.
begin;
select plan(32);

select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
create function pg_temp.id(p_no integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-' || lpad(p_no::text, 12, '0'))::uuid
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
create temporary table made as
select ops.create_user('Olga') as actor, ops.create_user('Paul') as other;
alter table made add column token uuid, add column weak uuid, add column revoked uuid, add column expired uuid;
update made
set
    token = ops.create_token(actor, sha256('a'), '', array['read', 'admin']),
    weak = ops.create_token(actor, sha256('b'), '', array['read', 'write', 'metrics']),
    revoked = ops.create_token(actor, sha256('c'), '', array['admin']),
    expired = ops.create_token(actor, sha256('d'), '', array['admin'], '2031-05-05 12:00:00+00');
select ops.revoke_token(revoked) from made;
insert into core.workspaces (id, name, created_at) values (pg_temp.id(1), 'w', now());
insert into core.indexing_dead_letters
    (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
select
    pg_temp.id(1), pg_temp.id(100), n, 'upsert', 1, 3, core.clock(), core.clock() - make_interval(mins => n), 'code',
    'error ' || n, core.error_fingerprint('code', 'error ' || n)
from generate_series(1, 5) as n;

-- happy path
select is(
    (select body::jsonb - 'oldest_seconds' @> '{"dead": 5, "pending": 0, "paused": null, "dead_by_code": {"code": 5}}'
    from made, api.admin_indexing_state(actor, token)),
    true, 'the state'
);
select is(
    (select body::jsonb #- '{dead_letters,0,fingerprint}' from made, api.admin_list_dead_letters(actor, token, '{"no": 1}', 9, null)),
    jsonb_build_object('next_cursor', null, 'dead_letters', jsonb_build_array(jsonb_build_object(
        'workspace_id', pg_temp.id(1), 'page_id', pg_temp.id(100), 'no', 1, 'block_id', null, 'op', 'upsert',
        'attempts', 3, 'error_code', 'code', 'error', 'error 1', 'enqueued_at', '2031-05-05T12:00:00.000000Z',
        'died_at', '2031-05-05T11:59:00.000000Z', 'discarded_at', null
    ))), 'a list of dead letters'
);
select is(
    (select body::jsonb from made, api.admin_list_indexing_entries(actor, token, '{"no": 1}', 9, null)),
    jsonb_build_object('next_cursor', null, 'entries', jsonb_build_array(jsonb_build_object(
        'workspace_id', pg_temp.id(1), 'page_id', pg_temp.id(100), 'no', 1, 'op', 'upsert', 'status', 'failed',
        'priority', null, 'attempts', 3, 'error', 'code: error 1', 'enqueued_at', '2031-05-05T12:00:00.000000Z',
        'run_at', null, 'lease_until', null, 'finished_at', '2031-05-05T11:59:00.000000Z'
    ))), 'a list of entries'
);
select is(
    (
        select string_agg(jsonb_path_query_array(l.body::jsonb, '$.entries[*].no')::text, ' ')
        from made
        cross join api.admin_list_indexing_entries(actor, token, '{"status": "failed"}', 3, null) as first
        cross join api.admin_list_indexing_entries(
            actor, token, '{"status": "failed"}', 3, first.body::jsonb ->> 'next_cursor'
        ) as rest
        cross join lateral (values (first.body), (rest.body)) as l (body)
    ), '[1, 2, 3] [4, 5]', 'in pages'
);
create function pg_temp.pages(p_limit integer) returns text language plpgsql as $$
declare
    v_cursor text;
    v_body jsonb;
    v_pages text[];
begin
    loop
        select l.body::jsonb into v_body from made, api.admin_list_dead_letters(actor, token, '{}', p_limit, v_cursor) as l;
        v_pages := v_pages || jsonb_path_query_array(v_body, '$.dead_letters[*].no')::text;
        v_cursor := v_body ->> 'next_cursor';
        exit when v_cursor is null;
    end loop;
    return array_to_string(v_pages, ' ');
end;
$$;
select is(pg_temp.pages(2), '[1, 2] [3, 4] [5]', 'page by page');
select is(pg_temp.pages(5), '[1, 2, 3, 4, 5]', 'without an empty one');
select is(
    (select body::jsonb from made, api.admin_group_dead_letters(actor, token, '{}', 10)),
    jsonb_build_object('groups', jsonb_build_array(jsonb_build_object(
        'fingerprint', core.error_fingerprint('code', 'error 1'), 'error_code', 'code', 'entries', 5, 'workspaces', 1,
        'first_died_at', '2031-05-05T11:55:00.000000Z', 'last_died_at', '2031-05-05T11:59:00.000000Z',
        'sample', 'error 1', 'alerted_at', null
    ))), 'groups'
);
select is(
    (select body::jsonb from made, api.admin_replay_dead_letters(
        actor, token, '{"filter": {"error_code": "code"}, "limit": 2}')),
    '{"replayed": 2, "waiting": 0, "next":
        {"filter": {"error_code": "code", "died_before": "2031-05-05T12:00:00.000001+00:00"}, "limit": 2}}',
    'a replay, and how it goes on'
);
select is(
    (select body::jsonb from made, api.admin_discard_dead_letters(actor, token, '{"filter": {"no": 3}}')),
    '{"discarded": 1, "next": null}', 'a discard of one'
);
select is(
    (select body::jsonb from made, api.admin_replay_dead_letters(actor, token, '{"filter": {}}')),
    '{"replayed": 2, "waiting": 0, "next": null}', 'a replay of all'
);
select is(
    (select body::jsonb -> 'paused' from made, api.admin_pause_indexing(actor, token, '{"reason": "r"}')),
    '{"at": "2031-05-05T12:00:00.000000Z", "by": "Olga", "reason": "r"}', 'a pause'
);
select is(
    (select body::jsonb -> 'paused' from made, api.admin_resume_indexing(actor, token)), 'null'::jsonb, 'and its end'
);
select results_eq(
    $$select action, count(*), count(*) filter (where actor_user_id = actor and actor_token_id = token)
    from core.audit_log, made where action ~ '^(dead_letters|indexing)' group by action order by action$$,
    $$values ('dead_letters.discard', 1::bigint, 1::bigint), ('dead_letters.replay', 2, 2), ('indexing.pause', 1, 1),
    ('indexing.resume', 1, 1)$$,
    'all of it is written down with user and token'
);

-- bodies that are refused
select is(
    pg_temp.problem(format($$select r.* from made, api.admin_replay_dead_letters(actor, token, %L) as r$$, b.body)),
    b.problem, b.body || ' is refused'
) from (
    values
    ('{"filter": {}', 'PT400 malformed_json'), ('[]', 'PT422 document_not_object'), ('{}', 'PT422 member_missing'),
    ('{"filter": {}, "all": 1}', 'PT422 unknown_member'), ('{"filter": {"a": 1}}', 'PT400 bad_filter'),
    ('{"filter": {}, "limit": 0}', 'PT400 bad_limit'), ('{"filter": {}, "limit": 1.5}', 'PT400 bad_limit'),
    ('{"filter": null}', 'PT400 bad_filter')
) as b (body, problem);
select is(
    pg_temp.problem(format($$select r.* from made, api.admin_pause_indexing(actor, token, %L) as r$$, b.body)),
    b.problem, b.body || ' is refused as a pause'
) from (
    values
    ('"x"', 'PT422 document_not_object'), ('{"why": "x"}', 'PT422 unknown_member'),
    ('{"reason": 7}', 'PT422 invalid_value')
) as b (body, problem);
select is(
    pg_temp.problem('select r.* from made, api.admin_list_dead_letters(actor, token, ''{}'', 201, null) as r'),
    'PT400 bad_limit', 'a list has at most 200'
);
select is(
    pg_temp.problem('select r.* from made, api.admin_list_indexing_entries(actor, token, ''{}'', 201, null) as r'),
    'PT400 bad_limit', 'of entries, too'
);

-- who is no operator
create function pg_temp.refused(p_actor text, p_token text) returns text language sql as $$
    select string_agg(distinct pg_temp.problem(format(f.call, p_actor, p_token)), ', ') from (
        values
        ('select r.* from made, api.admin_indexing_state(%s, %s) as r'),
        ('select r.* from made, api.admin_list_indexing_entries(%s, %s, ''{}'', 1, null) as r'),
        ('select r.* from made, api.admin_list_dead_letters(%s, %s, ''{}'', 1, null) as r'),
        ('select r.* from made, api.admin_group_dead_letters(%s, %s, ''{}'', 1) as r'),
        ('select r.* from made, api.admin_replay_dead_letters(%s, %s, ''{"filter": {}}'') as r'),
        ('select r.* from made, api.admin_discard_dead_letters(%s, %s, ''{"filter": {}}'') as r'),
        ('select r.* from made, api.admin_pause_indexing(%s, %s, ''{}'') as r'),
        ('select r.* from made, api.admin_resume_indexing(%s, %s) as r')
    ) as f (call)
$$;
select is(pg_temp.refused('actor', 'weak'), 'PT403 operator_required', 'a token without the scope is refused everything');
select is(pg_temp.refused('actor', 'revoked'), 'PT403 operator_required', 'a revoked one');
select is(pg_temp.refused('actor', 'expired'), 'PT403 operator_required', 'an expired one');
select is(pg_temp.refused('other', 'token'), 'PT403 operator_required', 'another user''s');
select is(pg_temp.refused('actor', 'null::uuid'), 'PT403 operator_required', 'none');
select ok(
    not has_function_privilege('quire_worker', 'api.admin_replay_dead_letters(uuid, uuid, text)', 'execute')
    and not has_function_privilege('quire_monitor', 'api.admin_replay_dead_letters(uuid, uuid, text)', 'execute'),
    'only the API may call them'
);

select * from finish();
rollback;

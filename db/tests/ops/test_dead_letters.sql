-- Dead letters: listed, counted, grouped; replayed and discarded by filter; written down.
begin;
select plan(51);

select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
create function pg_temp.id(p_no integer) returns uuid language sql as $$
    select ('00000000-0000-7000-8000-' || lpad(p_no::text, 12, '0'))::uuid
$$;
insert into core.workspaces (id, name, created_at) values (pg_temp.id(1), 'w', now()), (pg_temp.id(2), 'x', now());
insert into core.users (id, name, created_at) values (pg_temp.id(7), 'Olga', now());
insert into core.pages (workspace_id, id, block_order) values (pg_temp.id(1), pg_temp.id(100), '{1,2}');
insert into core.blocks (workspace_id, page_id, no, id, type, data, ver)
values (pg_temp.id(1), pg_temp.id(100), 1, 'intro', 'paragraph', '{"text": "t"}', 1);
create function pg_temp.bury(
    p_workspace integer, p_page integer, p_no integer, p_minute integer, p_code text, p_error text
)
returns void language sql as $$
    insert into core.indexing_dead_letters
        (workspace_id, page_id, no, op, generation, attempts, enqueued_at, died_at, error_code, error, fingerprint)
    values (
        pg_temp.id(p_workspace), pg_temp.id(p_page), p_no, 'upsert', 1, 3, '2031-05-05 10:00:00+00',
        '2031-05-05 11:00:00+00'::timestamptz + make_interval(mins => p_minute), p_code, p_error,
        core.error_fingerprint(p_code, p_error)
    )
$$;
create function pg_temp.problem(p_sql text) returns text language plpgsql as $$
declare
    v_state text;
    v_slug text;
    v_detail text;
begin
    execute p_sql;
    return 'none';
exception when others then
    get stacked diagnostics v_state = returned_sqlstate, v_slug = constraint_name, v_detail = pg_exception_detail;
    return concat_ws(' ', v_state, v_slug, nullif(v_detail, ''));
end;
$$;
create function pg_temp.nos(p_filter jsonb) returns text language sql as $$
    select string_agg(l.no::text, ',' order by l.died_at) from ops.list_dead_letters(p_filter) as l
$$;
select
    pg_temp.bury(1, 100, 1, 1, 'embedding_refused', 'HTTP 400: too long by 7'),
    pg_temp.bury(1, 100, 2, 2, 'embedding_refused', 'HTTP 400: too long by 80'),
    pg_temp.bury(1, 101, 3, 3, 'lease_expired', 'its worker was lost 3 times'),
    pg_temp.bury(2, 200, 4, 4, 'embedding_refused', 'HTTP 400: Too Long by 9'),
    pg_temp.bury(2, 200, 5, 5, 'embedding_refused', 'HTTP 400: 100 % of it''s refused');

-- listed
select is(pg_temp.nos('{}'), '1,2,3,4,5', 'all are listed');
select results_eq(
    $$select no from ops.list_dead_letters()$$, $$values (5), (4), (3), (2), (1)$$, 'the newest first'
);
select results_eq(
    $$select workspace_id, page_id, no, block_id, op, attempts, error_code, error, fingerprint, died_at, discarded_at
    from ops.list_dead_letters('{"no": 1}')$$,
    $$values (pg_temp.id(1), pg_temp.id(100), 1, 'intro', 'upsert', 3::smallint, 'embedding_refused',
        'HTTP 400: too long by 7', core.error_fingerprint('embedding_refused', 'HTTP 400: too long by 7'),
        '2031-05-05 11:01:00+00'::timestamptz, null::timestamptz)$$,
    'with what is known of each'
);
select results_eq(
    $$select no from ops.list_dead_letters(
        '{}', 2, (select cursor from ops.list_dead_letters('{}', 2) order by died_at limit 1)
    )$$,
    $$values (3), (2)$$, 'a cursor goes on behind its row'
);
select is(pg_temp.nos(jsonb_build_object('workspace_id', pg_temp.id(2))), '4,5', 'by workspace');
select is(pg_temp.nos(jsonb_build_object('page_id', pg_temp.id(101))), '3', 'by page');
select is(pg_temp.nos('{"error_code": "lease_expired"}'), '3', 'by code');
select is(
    pg_temp.nos(jsonb_build_object('fingerprint', core.error_fingerprint('lease_expired', 'its worker was lost 3 times'))),
    '3', 'by fingerprint'
);
select is(pg_temp.nos('{"text": "TOO LONG"}'), '1,2,4', 'by text of the error, upper or lower case');
select is(pg_temp.nos('{"text": "100 % of it''s"}'), '5', 'in which nothing is special');
select is(
    pg_temp.nos('{"died_after": "2031-05-05T11:02:00Z", "died_before": "2031-05-05T11:04:00"}'), '2,3',
    'by time: from the first, before the second, UTC'
);
select is(pg_temp.nos('{"text": "too long", "no": "4"}'), '4', 'all members of a filter count');
select is(ops.count_dead_letters('{"text": "too long"}'), 3::bigint, 'they are counted');

-- refused
select is(
    pg_temp.problem($$select ops.count_dead_letters('{"color": "red"}')$$),
    'PT400 bad_filter {"parameter": "color"}', 'an unknown member is named'
);
select is(
    pg_temp.problem(format($$select ops.count_dead_letters('{"%s": %s}')$$, f.name, f.value)),
    format('PT400 bad_filter {"parameter": "%s"}', f.name), format('%s: %s is refused', f.name, f.value)
) from (
    values ('workspace_id', '"w"'), ('page_id', '7'), ('no', '"one"'), ('no', '99999999999'), ('fingerprint', '"xyz"'),
    ('died_after', '"soon"'), ('died_before', 'null'), ('discarded', '"perhaps"'), ('error_code', '[]'), ('text', '{}')
) as f (name, value);
select is(
    pg_temp.problem($$select ops.count_dead_letters('[]')$$), 'PT400 bad_filter {"parameter": "filter"}',
    'a filter is an object'
);
select is(
    pg_temp.problem($$select ops.list_dead_letters('{}', 0)$$), 'PT400 bad_limit {"maximum": 1000, "minimum": 1}',
    'a limit is at least 1'
);
select is(
    pg_temp.problem(format($$select ops.list_dead_letters('{}', 1, %L)$$, c.cursor)), 'PT400 bad_cursor',
    'a cursor is one of the list''s'
) from (values ('x'), ('W10'), (core.encode_cursor('[null, null, null, null]'))) as c (cursor);

-- grouped
select results_eq(
    $$select error_code, entries, workspaces, first_died_at, last_died_at, sample, alerted_at
    from ops.group_dead_letters('{"text": "too"}')$$,
    $$values ('embedding_refused', 2::bigint, 1::bigint, '2031-05-05 11:01:00+00'::timestamptz,
        '2031-05-05 11:02:00+00'::timestamptz, 'HTTP 400: too long by 80', null::timestamptz),
    ('embedding_refused', 1, 1, '2031-05-05 11:04:00+00', '2031-05-05 11:04:00+00', 'HTTP 400: Too Long by 9', null)$$,
    'groups are by fingerprint, the largest first, with the newest message'
);
select is((select count(*) from ops.group_dead_letters('{}', 2)), 2::bigint, 'as many as are wanted');

-- replayed
select core.enqueue_blocks(pg_temp.id(9), pg_temp.id(900), '{1}', '{}', 100::smallint);
insert into core.indexing_queue (workspace_id, page_id, no, attempts, run_at, enqueued_at)
values (pg_temp.id(1), pg_temp.id(100), 2, 2, now(), now());
create temporary table first_step as
select r.* from ops.replay_dead_letters(
    '{"error_code": "embedding_refused"}', 2, pg_temp.id(7), pg_temp.id(8)
) as r;
select results_eq(
    $$select replayed, waiting, next_filter from first_step$$,
    $$values (2, 1, '{"error_code": "embedding_refused", "died_before": "2031-05-05T12:00:00.000001+00:00"}'::jsonb)$$,
    'a replay takes so many, says how many waited already and how to go on'
);
select is(pg_temp.nos('{}'), '3,4,5', 'they are no dead letters any more');
select results_eq(
    $$select q.no, q.op, q.lane, q.priority, q.attempts, q.run_at, q.enqueued_at, q.lease_id is null, q.last_error is null
    from core.indexing_queue as q where q.workspace_id = pg_temp.id(1) and q.no = 1$$,
    $$values (1, 'upsert', 0::smallint, 100::smallint, 0::smallint, core.clock(), core.clock(), true, true)$$,
    'but new entries of the queue'
);
select ok(
    (select q.seq from core.indexing_queue as q where q.workspace_id = pg_temp.id(1) and q.no = 1)
    > (select q.seq from core.indexing_queue as q where q.workspace_id = pg_temp.id(9)),
    'behind what came before'
);
select is(
    (select q.attempts from core.indexing_queue as q where q.workspace_id = pg_temp.id(1) and q.no = 2), 2::smallint,
    'a block that waits already is left as it is'
);
select results_eq(
    $$select replayed, waiting, next_filter from ops.replay_dead_letters((select next_filter from first_step), 2)$$,
    $$values (2, 0, null::jsonb)$$, 'going on comes to the end'
);
select is((select count(*) from core.indexing_queue), 5::bigint, 'all of them wait');
select results_eq(
    $$select replayed, waiting, next_filter from ops.replay_dead_letters('{"error_code": "embedding_refused"}')$$,
    $$values (0, 0, null::jsonb)$$, 'and nothing is left to replay'
);
select pg_temp.bury(1, 109, n, n, 'c', 'e') from generate_series(1, 2) as n;
select is(
    (select r.next_filter ->> 'died_before' from ops.replay_dead_letters(
        '{"error_code": "c", "died_before": "2031-05-05T11:30:00"}', 1) as r)::timestamptz,
    '2031-05-05 11:30:00+00', 'an end that the filter has is kept'
);
delete from core.indexing_dead_letters where error_code = 'c';

-- discarded
select
    pg_temp.bury(1, 100, 1, 1, 'embedding_refused', 'one'),
    pg_temp.bury(1, 100, 2, 2, 'embedding_refused', 'two');
select results_eq(
    $$select discarded, next_filter from ops.discard_dead_letters(
        jsonb_build_object('workspace_id', pg_temp.id(1), 'page_id', pg_temp.id(100), 'no', 1)
    )$$,
    $$values (1, null::jsonb)$$, 'one is discarded'
);
select is(pg_temp.nos('{"error_code": "embedding_refused"}'), '2', 'it is not listed');
select is(pg_temp.nos('{"discarded": true}'), '1', 'but among the discarded');
select is((select s.dead from ops.indexing_state() as s), 2::bigint, 'nor counted');
select is(ops.describe_indexing() ->> 'discarded', '1', 'but by itself');
select is(
    ops.describe_indexing() -> 'dead_by_code', '{"embedding_refused": 1, "lease_expired": 1}',
    'the open ones are counted by code'
);
select is(
    pg_temp.problem($$select ops.discard_dead_letters('{"discarded": true}')$$),
    'PT400 bad_filter {"parameter": "discarded"}', 'the discarded cannot be discarded'
);
delete from core.indexing_queue;
select is(
    (select e.enqueued from indexing.enqueue_missing('hashing-384', pg_temp.id(0), pg_temp.id(0), 10) as e), 1,
    'its block is not queued again: only the title is, which has no dead letter'
);
select core.enqueue_blocks(pg_temp.id(1), pg_temp.id(100), '{1}', '{}', 100::smallint);
select is(pg_temp.nos('{"discarded": true}'), null, 'before an edit, which heals it');
select
    ops.discard_dead_letters('{}');
select is(
    (select r.replayed from ops.replay_dead_letters('{"discarded": true, "error_code": "lease_expired"}') as r), 1,
    'or a replay, which takes it back'
);

-- written down
select results_eq(
    $$select actor_user_id, actor_token_id, actor_name, action, workspace_id, details
    from core.audit_log where actor_user_id is not null$$,
    $$values (pg_temp.id(7), pg_temp.id(8), 'Olga', 'dead_letters.replay', null::uuid,
        '{"filter": {"error_code": "embedding_refused"}, "count": 2, "waiting": 1}'::jsonb)$$,
    'who replayed what by the API is written down'
);

select * from finish();
rollback;

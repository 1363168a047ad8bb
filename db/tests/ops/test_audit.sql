-- The audit log, and the pause.
begin;
select plan(20);

select set_config('quire.fake_now', '2031-05-05 12:00:00+00', true);
create temporary table made as
select ops.create_user('Olga') as user_id, ops.create_workspace('w') as workspace_id, core.new_id() as token_id;
truncate core.audit_log;

-- pause and resume
select is(ops.describe_indexing() -> 'paused', 'null'::jsonb, 'nothing is paused at first');
select is(ops.resume_indexing(), false, 'so there is nothing to resume');
select is(ops.pause_indexing('provider moves', user_id, token_id), true, 'an operator pauses') from made;
select is(ops.pause_indexing('again'), false, 'a second time is nothing new');
select is(
    ops.describe_indexing() -> 'paused',
    '{"at": "2031-05-05T12:00:00.000000Z", "by": "Olga", "reason": "provider moves"}', 'the state says who and why'
);
select results_eq(
    'select paused, paused_by from core.indexing_control', $$values (true, 'Olga')$$, 'and workers see it'
);
select set_config('quire.fake_now', '2031-05-05 12:01:00+00', true);
select is(ops.resume_indexing(), true, 'and resumes, here with psql');
select results_eq(
    'select paused, paused_at, paused_by, reason from core.indexing_control',
    $$values (false, null::timestamptz, null::text, null::text)$$, 'nothing is left of it'
);
select set_config('quire.fake_now', '2031-05-05 12:02:00+00', true);
select ok(ops.pause_indexing() and ops.resume_indexing(), 'no reason is needed');
select results_eq(
    $$select a.actor_user_id, a.actor_token_id, a.actor_name, a.action, a.details from core.audit_log as a
    where a.at < core.clock() order by a.at$$,
    $$
        select user_id, token_id, 'Olga', 'indexing.pause', '{"reason": "provider moves"}'::jsonb from made
        union all
        select null, null, session_user::text collate "default", 'indexing.resume', '{"paused_at": "2031-05-05T12:00:00.000000Z"}'
    $$,
    'what changed something is written down, without an actor as the login'
);
select is((select count(*) from core.audit_log), 4::bigint, 'and what changed nothing is not');

-- settings of the installation
delete from core.audit_log;
select ops.set_indexing_scaling(30, 60, 100);
update ops.periodic_control set scheduler = 'pg_cron';
select ops.set_scheduler('procrastinate'), ops.set_scheduler('procrastinate');
select results_eq(
    'select action, actor_name, details from core.audit_log order by action',
    $$
        values
        ('indexing.scaling', session_user::text collate "default",
            '{"target_seconds": 30, "provider_limit": 100, "cooldown_seconds": 60}'::jsonb),
        ('schedule.change', session_user::text collate "default", '{"scheduler": "procrastinate"}')
    $$,
    'settings are written down, and what changed nothing is not'
);

-- read
delete from core.audit_log;
select core.write_audit('test.act', case when n = 2 then workspace_id end, jsonb_build_object('n', n), case when n > 2
    then user_id end, null)
from made, generate_series(1, 4) as n,
lateral set_config('quire.fake_now', '2031-05-05 12:00:0' || n || '+00', true);
select results_eq(
    $$select details ->> 'n' from ops.list_audit(p_limit => 2)$$, $$values ('4'), ('3')$$, 'the newest first'
);
select results_eq(
    $$select l.details ->> 'n' from core.audit_log as a, ops.list_audit(p_before => a.at, p_before_id => a.id) as l
    where a.details ->> 'n' = '3'$$,
    $$values ('2'), ('1')$$, 'and on behind an entry'
);
select results_eq(
    $$select l.details ->> 'n' from made as m, ops.list_audit(p_workspace_id => m.workspace_id) as l$$,
    $$values ('2')$$, 'by workspace'
);
select results_eq(
    $$select l.details ->> 'n' from made as m, ops.list_audit('test.act', p_actor_user_id => m.user_id) as l$$,
    $$values ('4'), ('3')$$, 'by action and actor'
);
select throws_ok('select ops.list_audit(p_limit => 1001)', 'PT400', null, 'a limit is at most 1000');

-- retention
select set_config('quire.fake_now', '2032-05-04 12:00:03+00', true);
select is(ops.purge_audit_log(1), 1, 'after 365 days entries go, so many a call');
select is(ops.purge_audit_log(10), 1, 'and no younger ones');

-- privileges
select ok(
    has_function_privilege(
        'quire_monitor', 'ops.list_audit(text, uuid, uuid, timestamptz, uuid, integer)', 'execute'
    )
    and has_function_privilege('quire_monitor', 'ops.list_dead_letters(jsonb, integer, text)', 'execute')
    and has_function_privilege('quire_monitor', 'ops.group_dead_letters(jsonb, integer)', 'execute')
    and has_function_privilege('quire_maintenance', 'ops.replay_dead_letters(jsonb, integer, uuid, uuid)', 'execute')
    and not has_function_privilege('quire_monitor', 'ops.replay_dead_letters(jsonb, integer, uuid, uuid)', 'execute')
    and not has_function_privilege('quire_worker', 'ops.discard_dead_letters(jsonb, integer, uuid, uuid)', 'execute')
    and not has_function_privilege('quire_api', 'ops.pause_indexing(text, uuid, uuid)', 'execute'),
    'the monitor reads, maintenance acts, the API only through its own functions'
);

select * from finish();
rollback;

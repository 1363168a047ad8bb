-- ops.periodic_state: ops.list_periodic for people, the latest first.
create or replace view ops.periodic_state as
select
    p.task,
    p.scheduler,
    p.cron,
    p.enabled,
    p.late_seconds > 0 as late,
    p.late_seconds,
    p.last_run_at,
    p.last_success_at,
    p.last_error,
    p.more,
    p.runs_total,
    p.failures_total,
    p.rows_total,
    p.relation,
    p.keep_hours,
    p.about
from ops.list_periodic() as p
order by p.late_seconds desc, p.task asc;

comment on view ops.periodic_state is
'Periodic work: what runs when and by whom, when it last did, whether it is late. ops.purge_runs has the past.';
comment on column ops.periodic_state.task is 'Name.';
comment on column ops.periodic_state.scheduler is 'Who is in charge of it: procrastinate (the workers) or pg_cron.';
comment on column ops.periodic_state.cron is '"N seconds", or five fields of cron in UTC.';
comment on column ops.periodic_state.enabled is 'False: nobody runs it.';
comment on column ops.periodic_state.late is 'Whether its last success is too long ago.';
comment on column ops.periodic_state.late_seconds is 'By how much, beyond what is allowed it; 0: in time.';
comment on column ops.periodic_state.last_run_at is 'When its last run began, well or not; NULL: never.';
comment on column ops.periodic_state.last_success_at is 'When its last run that ended well began.';
comment on column ops.periodic_state.last_error is 'SQLSTATE and message of the last run; NULL when it ended well.';
comment on column ops.periodic_state.more is 'It has more to do than it did.';
comment on column ops.periodic_state.runs_total is 'Runs so far.';
comment on column ops.periodic_state.failures_total is 'Runs so far that ended in an error.';
comment on column ops.periodic_state.rows_total is 'What they did in all; of retention, rows taken away.';
comment on column ops.periodic_state.relation is 'Of retention: where rows are taken from.';
comment on column ops.periodic_state.keep_hours is 'Of retention: what is older goes.';
comment on column ops.periodic_state.about is 'What it does.';
revoke all on ops.periodic_state from public;
grant select on ops.periodic_state to quire_monitor;

-- core.record_run: notes a run of a periodic task: its progress, and its place in ops.purge_runs, which has a row for
-- each hour, scheduler and SQLSTATE (NULL: it ended well). After an error `more` is off: what failed waits for its next
-- time instead of being tried at once.
create or replace function core.record_run(
    p_task text,
    p_scheduler text,
    p_started_at timestamptz,
    p_seconds double precision,
    p_rows bigint,
    p_more boolean,
    p_bookmark jsonb,
    p_details jsonb,
    p_sqlstate text,
    p_error text
)
returns void
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_good constant boolean := p_sqlstate is null;
    v_end constant timestamptz := p_started_at + make_interval(secs => p_seconds);
begin
    insert into ops.periodic_progress as p (
        task, last_run_at, last_success_at, last_scheduler, last_sqlstate, last_error, more, bookmark,
        runs_total, failures_total, rows_total
    )
    values (
        p_task, p_started_at, case when v_good then p_started_at end, p_scheduler, p_sqlstate, p_error,
        p_more and v_good, p_bookmark, 1, (not v_good)::integer, p_rows
    )
    on conflict (task) do update
    set
        last_run_at = excluded.last_run_at,
        last_success_at = coalesce(excluded.last_success_at, p.last_success_at),
        last_scheduler = excluded.last_scheduler,
        last_sqlstate = excluded.last_sqlstate,
        last_error = excluded.last_error,
        more = excluded.more,
        bookmark = case when v_good then excluded.bookmark else p.bookmark end,
        runs_total = p.runs_total + 1,
        failures_total = p.failures_total + excluded.failures_total,
        rows_total = p.rows_total + excluded.rows_total;
    insert into ops.purge_runs as r (
        hour, task, scheduler, sqlstate, error, runs, rows, seconds, started_at, finished_at, details
    )
    values (
        date_trunc('hour', p_started_at, 'UTC'), p_task, p_scheduler, p_sqlstate, p_error, 1, p_rows, p_seconds,
        p_started_at, v_end, nullif(p_details, '{}')
    )
    on conflict on constraint purge_runs_hour_uq do update
    set
        error = excluded.error,
        runs = r.runs + 1,
        rows = r.rows + excluded.rows,
        seconds = r.seconds + excluded.seconds,
        finished_at = greatest(r.finished_at, excluded.finished_at),
        details = case when excluded.rows > 0 then excluded.details else r.details end;
end;
$$;

comment on function core.record_run(
    text, text, timestamptz, double precision, bigint, boolean, jsonb, jsonb, text, text
) is 'Notes a run of a periodic task in ops.periodic_progress and ops.purge_runs.';
revoke all on function core.record_run(
    text, text, timestamptz, double precision, bigint, boolean, jsonb, jsonb, text, text
) from public;

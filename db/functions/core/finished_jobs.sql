-- core.finished_jobs: jobs of the executor that ended, well or not, and whose last event is older than a time; at most
-- p_limit (NULL: all), the oldest first.
create or replace function core.finished_jobs(
    p_before timestamptz,
    p_limit integer
)
returns setof bigint
language sql
stable
parallel unsafe
security invoker
rows 100
set search_path = pg_catalog, pg_temp
as $$
    select j.id
    from procrastinate.procrastinate_jobs as j
    where j.status in ('succeeded', 'failed', 'cancelled', 'aborted') and not exists (
        select from procrastinate.procrastinate_events as e where e.job_id = j.id and e.at >= p_before
    )
    order by j.id
    limit p_limit;
$$;

comment on function core.finished_jobs(timestamptz, integer) is
'Jobs of the executor that ended before a time.';
revoke all on function core.finished_jobs(timestamptz, integer) from public;

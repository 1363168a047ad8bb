-- core.need_workers: workers for a load at one moment, by Little's law: those that keep up with what arrives and work
-- the backlog off within the target. At least 1, for periodic work. While nothing is finished although there are
-- workers (provider out, paused), more would not help. While nobody knows what one worker manages, one more is tried
-- when entries wait.
create or replace function core.need_workers(
    p_arrival_rate double precision,
    p_backlog bigint,
    p_oldest_seconds double precision,
    p_worker_rate double precision,
    p_workers integer,
    p_stalled boolean,
    p_target_seconds double precision,
    p_provider_limit double precision
)
returns integer
language sql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select greatest(1, least(
        case
            when p_worker_rate > 0
                then ceil((coalesce(p_arrival_rate, 0) + p_backlog / p_target_seconds) / p_worker_rate)
            when p_backlog > 0 and p_oldest_seconds >= 5 then p_workers + 1
            else 1
        end,
        case when p_stalled then p_workers end,
        case when p_worker_rate > 0 then ceil(p_provider_limit / p_worker_rate) end,
        1000
    ))::integer;
$$;

comment on function core.need_workers(
    double precision, bigint, double precision, double precision, integer, boolean, double precision, double precision
) is
'Workers for a load: ceil((arrival rate + backlog / target) / rate of one worker), within 1 and the provider''s limit.';
revoke all on function core.need_workers(
    double precision, bigint, double precision, double precision, integer, boolean, double precision, double precision
) from public;

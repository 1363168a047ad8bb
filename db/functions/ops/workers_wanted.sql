-- ops.workers_wanted: how many worker processes the queue wants: core.need_workers for the newest statistics (or for
-- the queue as it is, where nobody writes any), and no fewer than it wanted at any time of the cooldown: out at once,
-- in only after 5 minutes of wanting less. NULL parameters take core.indexing_scaling's values. Read by `quire worker
-- --autoscale`, KEDA and Prometheus; whoever asks keeps to its own minimum and maximum. 22023.
create or replace function ops.workers_wanted(
    p_target_seconds double precision default null,
    p_cooldown_seconds double precision default null,
    p_provider_limit double precision default null
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_target double precision;
    v_cooldown double precision;
    v_limit double precision;
    v_last core.indexing_stats;
    v_state record;
    v_wanted integer;
begin
    select
        coalesce(p_target_seconds, s.target_seconds), coalesce(p_cooldown_seconds, s.cooldown_seconds),
        coalesce(p_provider_limit, s.provider_limit)
    into v_target, v_cooldown, v_limit
    from core.indexing_scaling as s;
    perform core.check_scaling(v_target, v_cooldown, v_limit);
    select s.* into v_last from core.indexing_stats as s where s.at <= v_now order by s.at desc limit 1;
    if v_last.measured_at > v_now - interval '15 seconds' then
        v_wanted := core.need_workers(
            v_last.arrival_rate, v_last.ready + v_last.processing, v_last.oldest_ready_seconds, v_last.worker_rate,
            v_last.workers, v_last.stalled, v_target, v_limit
        );
    else
        select m.* into v_state from core.measure_queue() as m;
        v_wanted := core.need_workers(
            null, v_state.ready + v_state.processing, v_state.oldest_ready_seconds, v_last.worker_rate,
            core.count_workers(v_now), false, v_target, v_limit
        );
    end if;
    return greatest(v_wanted, (
        select max(core.need_workers(
            s.arrival_rate, s.ready + s.processing, s.oldest_ready_seconds, s.worker_rate, s.workers, s.stalled,
            v_target, v_limit
        ))
        from core.indexing_stats as s
        where s.at <= v_now and s.measured_at > v_now - make_interval(secs => v_cooldown)
            and s.at > v_now - make_interval(secs => v_cooldown + 20)
    ));
end;
$$;

comment on function ops.workers_wanted(double precision, double precision, double precision) is
'Worker processes wanted: more at once, fewer after the cooldown. At least 1; 1000 at most. 22023.';
revoke all on function ops.workers_wanted(double precision, double precision, double precision) from public;
grant execute on function ops.workers_wanted(double precision, double precision, double precision)
to quire_monitor, quire_worker;

-- ops.indexing_rates: entries a second over the last p_seconds, out of core.indexing_stats: arrivals (what the depth
-- grew by and what was finished or given up; coalesced edits add nothing), service, and service of one worker while
-- there was enough to do. NULL: there is nothing to compare yet. PT400 bad_seconds.
create or replace function ops.indexing_rates(
    p_seconds double precision default 60
)
returns table (
    arrival_rate double precision,
    service_rate double precision,
    worker_rate double precision,
    workers integer,
    seconds double precision
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_first core.indexing_stats;
    v_last core.indexing_stats;
begin
    if p_seconds is null or not p_seconds between 10 and 604800 then
        raise exception 'p_seconds is %: it takes 10 to 604800', p_seconds
        using errcode = 'PT400', constraint = 'bad_seconds', detail = jsonb_build_object('p_seconds', p_seconds)::text;
    end if;
    workers := core.count_workers(v_now);
    select s.* into v_last from core.indexing_stats as s where s.at <= v_now order by s.at desc limit 1;
    worker_rate := v_last.worker_rate;
    select s.* into v_first from core.indexing_stats as s
    where s.at <= v_now and s.measured_at >= v_now - make_interval(secs => p_seconds)
        and s.at >= v_now - make_interval(secs => p_seconds + 20)
    order by s.at limit 1;
    seconds := extract(epoch from v_last.measured_at - v_first.measured_at);
    if seconds > 0 then
        service_rate := greatest(0, (
            v_last.done_total + v_last.dead_total - v_first.done_total - v_first.dead_total
        ) / seconds);
        arrival_rate := greatest(0, (
            v_last.ready + v_last.processing + v_last.backing_off + v_last.done_total + v_last.dead_total
            - v_first.ready - v_first.processing - v_first.backing_off - v_first.done_total - v_first.dead_total
        ) / seconds);
    end if;
    return next;
end;
$$;

comment on function ops.indexing_rates(double precision) is
'Arrivals, service and service of one worker, in entries a second over the last p_seconds. PT400 bad_seconds.';
revoke all on function ops.indexing_rates(double precision) from public;
grant execute on function ops.indexing_rates(double precision) to quire_monitor, quire_worker;

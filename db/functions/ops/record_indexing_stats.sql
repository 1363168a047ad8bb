-- ops.record_indexing_stats: one row of core.indexing_stats for the current 10 seconds, however many call it; removes
-- rows older than 7 days and workers that were killed. What one worker manages is learnt while there is enough to do:
-- entries due for 5 seconds at both ends of an interval, so the workers never paused in between. After the clock was
-- set back the newest rows are of no use and go.
create or replace function ops.record_indexing_stats()
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_at constant timestamptz := date_bin('10 seconds', v_now, '2000-01-01 00:00:00+00');
    v_state record;
    v_base core.indexing_stats;  -- a minute ago, or less
    v_last core.indexing_stats;
    v_xmin record;
    v_gone bigint;
    v_seconds double precision;
    v_workers constant integer := core.count_workers(v_now);
    v_busy boolean;
    v_observed double precision;
    v_rate double precision;
begin
    if exists (select from core.indexing_stats as s where s.at = v_at) then
        return false;
    end if;
    if exists (select from core.indexing_stats as s where s.at > v_at) then
        delete from core.indexing_stats as s where s.at > v_at - interval '10 minutes';
    end if;
    delete from core.indexing_stats as s where s.at < v_at - interval '7 days';
    delete from core.indexing_workers as w
    where w.seen_at not between v_now - interval '1 minute' and v_now + interval '1 minute';

    select i.* into v_state from ops.indexing_state() as i;
    v_gone := v_state.done_total + v_state.dead_total;
    select s.* into v_base from core.indexing_stats as s
    where s.at >= v_at - interval '60 seconds' order by s.at limit 1;
    select s.* into v_last from core.indexing_stats as s order by s.at desc limit 1;
    v_rate := v_last.worker_rate;
    v_seconds := extract(epoch from v_now - v_last.measured_at);
    if v_seconds between 1 and 65 then
        v_busy := least(v_last.ready, v_state.pending) > 0
            and least(v_last.oldest_ready_seconds, v_state.oldest_seconds) >= 5
            and v_last.workers + v_workers > 0;
        v_observed := (v_gone - v_last.done_total - v_last.dead_total)
            / v_seconds / nullif((v_last.workers + v_workers) / 2.0, 0);
        v_rate := case
            when v_busy and v_observed > 0 then coalesce(0.7 * v_rate + 0.3 * v_observed, v_observed)
            else greatest(v_rate, case when v_rate is not null then v_observed end)  -- it managed that at least
        end;
    end if;
    select x.seconds, x.holder into v_xmin from core.oldest_xmin(v_now) as x;
    v_seconds := extract(epoch from v_now - v_base.measured_at);
    insert into core.indexing_stats (
        at, measured_at, ready, processing, backing_off, dead, oldest_ready_seconds, lag_seconds,
        done_total, failed_total, dead_total, workers, dead_tuples, oldest_xmin_seconds, oldest_xmin_holder, exact,
        arrival_rate, service_rate, worker_rate, stalled, heads, last_seq, next_xid
    )
    values (
        v_at, v_now, v_state.pending, v_state.processing, v_state.backing_off, v_state.dead,
        v_state.oldest_seconds, v_state.lag_seconds, v_state.done_total, v_state.failed_total, v_state.dead_total,
        v_workers, v_state.dead_tuples, v_xmin.seconds, v_xmin.holder, v_state.exact,
        case when v_seconds > 0 then greatest(0, (
            v_state.pending + v_state.processing + v_state.backing_off + v_gone - v_base.ready - v_base.processing
            - v_base.backing_off - v_base.done_total - v_base.dead_total
        ) / v_seconds) end,
        case when v_seconds > 0 then greatest(0, (v_gone - v_base.done_total - v_base.dead_total) / v_seconds) end,
        v_rate, coalesce(v_busy and v_observed <= 0, false),
        v_state.heads, v_state.last_seq, pg_snapshot_xmax(pg_current_snapshot())::text::bigint
    )
    on conflict (at) do nothing;
    return found;
end;
$$;

comment on function ops.record_indexing_stats() is
'Every 10 seconds: the queue''s depth, ages, totals and rates as a row of core.indexing_stats; whether it made one.';
revoke all on function ops.record_indexing_stats() from public;
grant execute on function ops.record_indexing_stats() to quire_worker;

-- indexing.find_ready: which priorities have anything to claim: entries of lane 0 behind a watermark of each
-- (p_after_seqs), with the seq of the first, and suspects, due entries of lane 1. One call that a drainer makes in
-- place of a claim of each priority and lane, most of which bring nothing. As in a claim, the lane is no constant and
-- the order is that of the ready index: else the other index would do, read whole and sorted. An entry that somebody
-- has locked just now counts. outages: those of the priorities that wait for a provider (core.provider_out): of them,
-- as in a claim, only entries that were never put off count. last_seq: what was drawn last before the look (NULL
-- while paused); where there was nothing, who looks again may begin behind it when every save of then has committed.
create or replace function indexing.find_ready(
    p_priorities smallint[],
    p_after_seqs bigint[],
    p_models text[] default '{}'  -- workers of the release before have none
)
returns table (priorities smallint[], seqs bigint[], suspects smallint[], outages smallint[], last_seq bigint)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_seqscan = off
set enable_bitmapscan = off
as $$
declare
    v_now constant timestamptz := core.clock();
begin
    select s.last_value - (not s.is_called)::integer into last_seq from core.indexing_seq as s
    where not exists (select from core.indexing_control as c where c.paused);
    outages := array(select p from unnest(p_priorities) as p where core.provider_out(p, p_models, v_now));
    select
        coalesce(array_agg(k.priority) filter (where k.lane = 0), '{}'),
        coalesce(array_agg(d.seq) filter (where k.lane = 0), '{}'),
        coalesce(array_agg(k.priority) filter (where k.lane = 1), '{}')
    into priorities, seqs, suspects
    from (
        select
            u.priority, l.lane, l.due_seq,
            case l.lane when 0 then u.after_seq else -1 end as after_seq,
            u.priority = any(outages) as is_out
        from unnest(p_priorities, p_after_seqs) as u (priority, after_seq)
        cross join (
            values
            (0::smallint, 9223372036854775807::bigint),
            (1::smallint, (extract(epoch from v_now) * 1000000)::bigint)
        ) as l (lane, due_seq)
        where last_seq is not null and (l.lane = 0 or u.priority <> all(outages))  -- suspects have all failed before
        offset 0
    ) as k
    cross join lateral (
        select d.seq
        from core.indexing_queue as d
        where d.lane = k.lane and d.priority = k.priority and d.seq > k.after_seq and d.seq <= k.due_seq
            and d.lease_id is null and d.run_at <= v_now
            and (not k.is_out or d.last_error is null)
        order by d.lane, d.priority, d.seq
        limit 1
    ) as d;
    return next;
end;
$$;

comment on function indexing.find_ready(smallint[], bigint[], text[]) is
'Priorities that have entries behind a watermark of each, those that have due suspects, and those that wait for a '
'provider.';
revoke all on function indexing.find_ready(smallint[], bigint[], text[]) from public;
grant execute on function indexing.find_ready(smallint[], bigint[], text[]) to quire_worker;

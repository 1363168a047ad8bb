-- indexing.claim_alerts: what is to be said about dead letters: up to p_limit groups with an open dead letter that no
-- alert was about, and no alert within the last hour (or, after a failed try, its wait is over). They are this
-- message's (p_claim_id) for p_seconds; two workers never get the same group. Then indexing.finish_alerts or
-- indexing.retry_alerts; a message whose worker was killed is claimed again. Counts look at 10,000 dead letters a
-- group. New groups are looked for among 1000, from another one on in each call: where there are more, later calls find
-- the others.
create or replace function indexing.claim_alerts(
    p_claim_id uuid,
    p_seconds double precision,
    p_limit integer
)
returns table (
    fingerprint text,
    error_code text,
    entries bigint,
    news bigint,
    workspaces bigint,
    workspace_ids uuid[],
    first_died_at timestamptz,
    last_died_at timestamptz
)
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
declare
    v_now constant timestamptz := core.clock();
    v_until constant timestamptz := v_now + make_interval(secs => p_seconds);
    v_alert record;
    v_code text;
begin
    insert into core.indexing_alerts (fingerprint, error_code, alerted_until, due_at)
    select g.fingerprint, g.error_code, '-infinity', v_now
    from core.alertable_groups(left(md5(random()::text), 16), 1000) as g
    -- one that is there is not even looked at by the insert: it would wait for who is claiming it
    where not exists (select from core.indexing_alerts as a where a.fingerprint = g.fingerprint)
    order by g.fingerprint
    on conflict (fingerprint) do nothing;

    for v_alert in
        select a.fingerprint, a.alerted_until
        from core.indexing_alerts as a
        where a.due_at <= v_now and (a.claimed_until is null or a.claimed_until <= v_now)
            and exists (
                select from core.indexing_dead_letters as d
                where d.fingerprint = a.fingerprint and d.died_at > a.alerted_until and d.discarded_at is null
            )
        order by a.fingerprint
        limit p_limit
        for update of a skip locked
    loop
        fingerprint := v_alert.fingerprint;
        select
            count(*), count(*) filter (where d.died_at > v_alert.alerted_until), count(distinct d.workspace_id),
            (array_agg(distinct d.workspace_id))[1:5], min(d.died_at), max(d.died_at),
            (array_agg(d.error_code order by d.died_at desc))[1]
        into entries, news, workspaces, workspace_ids, first_died_at, last_died_at, v_code
        from (
            select d.* from core.indexing_dead_letters as d
            where d.fingerprint = v_alert.fingerprint and d.discarded_at is null
            order by d.died_at desc
            limit 10000
        ) as d;
        continue when entries = 0;  -- replayed this moment
        update core.indexing_alerts as a
        set claim_id = p_claim_id, claimed_until = v_until, claimed_died_at = last_died_at, error_code = v_code
        where a.fingerprint = v_alert.fingerprint;
        error_code := v_code;
        return next;
    end loop;
end;
$$;

comment on function indexing.claim_alerts(uuid, double precision, integer) is
'Claims up to p_limit groups of dead letters that an alert is due about, for p_seconds.';
revoke all on function indexing.claim_alerts(uuid, double precision, integer) from public;
grant execute on function indexing.claim_alerts(uuid, double precision, integer) to quire_worker;

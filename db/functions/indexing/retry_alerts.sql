-- indexing.retry_alerts: the message was not taken: its groups are due again after a doubling, jittered wait of 10 s to
-- 15 minutes, and not before the webhook wants to be asked again (p_retry_after, seconds; 0: it did not say). Never
-- given up. Returns how many groups.
create or replace function indexing.retry_alerts(
    p_claim_id uuid,
    p_error text,
    p_retry_after double precision
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
    v_count integer;
begin
    with claimed as (
        select a.fingerprint from core.indexing_alerts as a where a.claim_id = p_claim_id
        order by a.fingerprint
        for update
    )

    update core.indexing_alerts as a
    set
        due_at = v_now + greatest(
            make_interval(secs => p_retry_after),
            least(interval '15 minutes', interval '10 seconds' * power(2, least(a.attempts, 10))) * (0.5 + random() / 2)
        ),
        attempts = a.attempts + 1, last_error = left(p_error, 200),
        claim_id = null, claimed_until = null, claimed_died_at = null
    from claimed as c
    where a.fingerprint = c.fingerprint;
    get diagnostics v_count = row_count;
    if v_count > 0 then
        perform core.count_indexing('alerts_failed', v_count);
    end if;
    return v_count;
end;
$$;

comment on function indexing.retry_alerts(uuid, text, double precision) is
'Makes the groups of a message that was not taken due again, later; how many.';
revoke all on function indexing.retry_alerts(uuid, text, double precision) from public;
grant execute on function indexing.retry_alerts(uuid, text, double precision) to quire_worker;

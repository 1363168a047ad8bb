-- indexing.finish_alerts: the message was taken. Its groups are quiet for an hour, and then until another entry dies.
-- Returns how many groups; 0: the claim had run out and is another worker's, who says it again.
create or replace function indexing.finish_alerts(
    p_claim_id uuid
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
        alerted_until = a.claimed_died_at, sent_at = v_now, due_at = v_now + interval '1 hour', attempts = 0,
        claim_id = null, claimed_until = null, claimed_died_at = null, last_error = null
    from claimed as c
    where a.fingerprint = c.fingerprint;
    get diagnostics v_count = row_count;
    if v_count > 0 then
        perform core.count_indexing('alerts_sent', v_count);
    end if;
    return v_count;
end;
$$;

comment on function indexing.finish_alerts(uuid) is
'Marks the groups of a message as alerted about, for an hour; how many.';
revoke all on function indexing.finish_alerts(uuid) from public;
grant execute on function indexing.finish_alerts(uuid) to quire_worker;

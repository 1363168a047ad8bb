-- ops.purge_indexing_alerts: forgets alerts about groups that have no dead letter any more and were last sent 30 days
-- ago, up to p_limit a call; returns how many. What was never sent goes too: there is nothing left to say.
create or replace function ops.purge_indexing_alerts(
    p_limit integer
)
returns integer
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_floor constant timestamptz := core.retention_floor('purge_indexing_alerts');
    v_count integer;
begin
    with old as (
        select a.fingerprint
        from core.indexing_alerts as a
        where a.due_at < v_floor and a.claim_id is null
            and not exists (select from core.indexing_dead_letters as d where d.fingerprint = a.fingerprint)
        order by a.fingerprint
        limit p_limit
        for update of a skip locked
    )

    delete from core.indexing_alerts as a using old as o where a.fingerprint = o.fingerprint;
    get diagnostics v_count = row_count;
    return v_count;
end;
$$;

comment on function ops.purge_indexing_alerts(integer) is
'Forgets alerts about groups of dead letters that are gone for 30 days; returns how many.';
revoke all on function ops.purge_indexing_alerts(integer) from public;
grant execute on function ops.purge_indexing_alerts(integer) to quire_worker;

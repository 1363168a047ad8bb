-- ops.describe_indexing: the queue as one object for people and the API: ops.indexing_state, the pause, providers that
-- are out (open circuit breakers), and how many open dead letters are of which code (the first 100,000 are looked at,
-- 20 codes named), how many are discarded, and who keeps vacuum from removing dead rows (core.oldest_xmin).
create or replace function ops.describe_indexing()
returns jsonb
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_state jsonb;
    v_paused jsonb;
    v_outages jsonb;
    v_codes jsonb;
    v_discarded bigint;
    v_xmin record;
begin
    select to_jsonb(s) into v_state from ops.indexing_state() as s;
    select jsonb_build_object('at', core.rfc3339(c.paused_at), 'by', c.paused_by, 'reason', c.reason)
    into v_paused
    from core.indexing_control as c
    where c.paused;
    select coalesce(jsonb_agg(jsonb_build_object(
        'model', o.model, 'in_a_row', o.outages, 'at', core.rfc3339(o.changed_at),
        'retry_at', core.rfc3339(o.open_until), 'reason', o.reason
    )), '[]')
    into v_outages
    from core.list_outages() as o
    where o.outages > 0;
    select coalesce(jsonb_object_agg(d.error_code, d.entries), '{}') into v_codes from core.count_dead_codes() as d;
    select count(*) into v_discarded
    from (select from core.indexing_dead_letters as d where d.discarded_at is not null limit 100001) as d;
    select x.seconds, x.holder into v_xmin from core.oldest_xmin(core.clock()) as x;
    return v_state - array['heads', 'last_seq'] || jsonb_build_object(
        'paused', v_paused, 'outages', v_outages, 'dead_by_code', v_codes, 'discarded', v_discarded,
        'oldest_xmin_seconds', v_xmin.seconds, 'oldest_xmin_holder', v_xmin.holder
    );
end;
$$;

comment on function ops.describe_indexing() is
'State of the indexing queue as one object: depth by state, counters, pause, providers that are out, dead
letters by code, who holds vacuum back.';
revoke all on function ops.describe_indexing() from public;
grant execute on function ops.describe_indexing() to quire_monitor;

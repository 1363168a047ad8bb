-- core.breaker_wait: whether a model's provider may be asked. NULL: yes, all is well. 0: yes, as the one that finds out
-- whether an outage is over (half-open). Else: seconds until it may be asked, or a millisecond while somebody
-- finds out: what another has claimed in that moment is given back at once and keeps its place in the order. (A worker
-- that does not come back with an answer is replaced after half a minute.)
create or replace function core.breaker_wait(
    p_model text,
    p_now timestamptz
)
returns double precision
language plpgsql
volatile
parallel unsafe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_breaker core.indexing_breakers;
begin
    select b.* into v_breaker from core.indexing_breakers as b where b.model = p_model and b.outages > 0;
    if not found then
        return null;
    elsif v_breaker.open_until > p_now then
        return extract(epoch from v_breaker.open_until - p_now);
    elsif v_breaker.probe_until > p_now then
        return 0.001;
    end if;
    update core.indexing_breakers as b
    set probe_until = p_now + interval '30 seconds'
    where b.model = p_model and b.outages > 0 and b.open_until <= p_now
        and (b.probe_until is null or b.probe_until <= p_now);
    return case when found then 0 else 0.001 end;
end;
$$;

comment on function core.breaker_wait(text, timestamptz) is
'NULL: the provider may be asked; 0: by this caller only, to find out; else seconds to wait.';
revoke all on function core.breaker_wait(text, timestamptz) from public;

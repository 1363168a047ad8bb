-- core.breaker_wait: whether a model's provider may be asked. NULL: yes, all is well. 0: yes, as the one that finds out
-- whether an outage is over (half-open); for half a minute nobody else is sent. Else: seconds until it may be asked.
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
    end if;
    update core.indexing_breakers as b
    set open_until = p_now + interval '30 seconds'
    where b.model = p_model and b.open_until = v_breaker.open_until;
    return case when found then 0 else 1 end;
end;
$$;

comment on function core.breaker_wait(text, timestamptz) is
'NULL: the provider may be asked; 0: by this caller only, to find out; else seconds to wait.';
revoke all on function core.breaker_wait(text, timestamptz) from public;

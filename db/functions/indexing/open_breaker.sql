-- indexing.open_breaker: a model's provider is out: nobody asks it for the seconds that it named, doubled with each
-- outage in a row, two minutes at most (or what it named, if that is more). p_probe: this caller was sent to find out
-- whether an outage is over. Several workers that see the same outage count it once. Returns the seconds to wait: a
-- millisecond while another finds out (core.provider_out holds what is given back), so that it keeps its place.
create or replace function indexing.open_breaker(
    p_model text,
    p_retry_after double precision,
    p_probe boolean,
    p_reason text
)
returns double precision
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_now constant timestamptz := core.clock();
    v_breaker core.indexing_breakers;
begin
    insert into core.indexing_breakers as b (model, outages, open_until, reason, changed_at)
    values (p_model, 0, v_now, left(p_reason, 1000), v_now)
    on conflict (model) do nothing;
    select b.* into v_breaker from core.indexing_breakers as b where b.model = p_model for update;
    if v_breaker.outages > 0 and greatest(v_breaker.open_until, v_breaker.probe_until) > v_now and not p_probe then
        return greatest(extract(epoch from v_breaker.open_until - v_now), 0.001);
    end if;
    update core.indexing_breakers as b
    set
        outages = b.outages + 1,
        probe_until = null,
        open_until = v_now + make_interval(secs => greatest(
            p_retry_after, least(120, p_retry_after * power(2, least(b.outages, 10)))
        )),
        reason = left(p_reason, 1000),
        changed_at = v_now
    where b.model = p_model
    returning b.open_until into v_breaker.open_until;
    perform core.count_indexing('outages', 1);
    return extract(epoch from v_breaker.open_until - v_now);
end;
$$;

comment on function indexing.open_breaker(text, double precision, boolean, text) is
'Keeps everybody from asking a model''s provider for a while that doubles with each outage; returns the seconds.';
revoke all on function indexing.open_breaker(text, double precision, boolean, text) from public;
grant execute on function indexing.open_breaker(text, double precision, boolean, text) to quire_worker;

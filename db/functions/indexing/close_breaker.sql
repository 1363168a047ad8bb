-- indexing.close_breaker: the worker that was sent to find out had an answer: the outage is over, everybody may ask.
create or replace function indexing.close_breaker(
    p_model text
)
returns boolean
language plpgsql
volatile
parallel unsafe
security definer
set search_path = pg_catalog, pg_temp
as $$
begin
    update core.indexing_breakers as b
    set outages = 0, changed_at = core.clock()
    where b.model = p_model and b.outages > 0;
    return found;
end;
$$;

comment on function indexing.close_breaker(text) is
'Closes the breaker of a model''s provider; whether it was open.';
revoke all on function indexing.close_breaker(text) from public;
grant execute on function indexing.close_breaker(text) to quire_worker;

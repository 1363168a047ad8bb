-- core.is_blocked: whether a block is in force. One that ends later than any block made now could end is left over from
-- before the clock stepped back, or from a longer policy, and holds nobody.
create or replace function core.is_blocked(
    p_blocked_until timestamptz,
    p_at timestamptz,
    p_window interval,
    p_block interval
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(p_blocked_until > p_at and p_blocked_until <= p_at + greatest(p_window, p_block), false);
end;
$$;

comment on function core.is_blocked(timestamptz, timestamptz, interval, interval) is
'Whether a block is in force at a time; leftovers of a clock step or of a longer policy are not.';
revoke all on function core.is_blocked(timestamptz, timestamptz, interval, interval) from public;

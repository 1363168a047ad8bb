-- core.place_behind: where in an order a rebased block goes: behind the first p_place blocks, and behind those that
-- others have put there (p_put): what was committed first stays in front.
create or replace function core.place_behind(
    p_place integer,
    p_order integer[],
    p_put integer[]
)
returns integer
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    while p_order[p_place + 1] = any(p_put) loop
        p_place := p_place + 1;
    end loop;
    return p_place;
end;
$$;

comment on function core.place_behind(integer, integer[], integer[]) is
'How many blocks stay in front of a rebased one.';
revoke all on function core.place_behind(integer, integer[], integer[]) from public;

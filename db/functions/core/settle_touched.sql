-- core.settle_touched: what a draft touches (core.page_changes.touched) with blocks that the patch took out and put in
-- again, by whatever operations, as what they are: written and moved, neither gone nor new.
create or replace function core.settle_touched(
    p_touched jsonb[],
    p_nos integer[],
    p_olds jsonb[],
    p_order integer[]
)
returns jsonb[]
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_again constant text[] := case when to_jsonb(p_touched) @? '$[*][0] ? (@ == "del")' then array(
        select touch.entry ->> 1 from unnest(p_touched) as touch (entry) where touch.entry ->> 0 = 'del'
        intersect
        select slots.old ->> 'id' from unnest(p_nos, p_olds) as slots (no, old) where slots.no = any(p_order)
    ) else '{}' end;
begin
    if v_again = '{}' then
        return p_touched;
    end if;
    return array(
        select case
            when touch.entry ->> 1 <> all(v_again) then touch.entry
            when touch.entry ->> 0 = 'del' then jsonb_set(touch.entry, '{0}', '"mov"')
            when touch.entry ->> 0 = 'ins' then jsonb_set(jsonb_set(touch.entry, '{0}', '"set"'), '{2}', '""')
            else touch.entry
        end
        from unnest(p_touched) with ordinality as touch (entry, place)
        order by touch.place
    );
end;
$$;

comment on function core.settle_touched(jsonb[], integer[], jsonb[], integer[]) is
'What a draft touches, with blocks taken out and put in again as written and moved.';
revoke all on function core.settle_touched(jsonb[], integer[], jsonb[], integer[]) from public;

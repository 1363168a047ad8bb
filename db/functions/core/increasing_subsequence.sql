-- core.increasing_subsequence: members of one longest increasing subsequence of distinct numbers (patience sorting).
-- Blocks on it need not move when a page is put in a new order.
create or replace function core.increasing_subsequence(
    p_numbers integer[]
)
returns integer[]
language plpgsql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_tops integer[] := '{}';  -- smallest last member of the subsequences of length 1, 2, 3, ...
    v_place_of_top integer[] := '{}';
    v_before integer[] := array_fill(0, array[cardinality(p_numbers)]);
    v_found integer[] := '{}';
    v_low integer;
    v_high integer;
    v_middle integer;
    v_place integer;
begin
    for i in 1..cardinality(p_numbers) loop
        v_low := 1;
        v_high := cardinality(v_tops) + 1;
        while v_low < v_high loop
            v_middle := (v_low + v_high) / 2;
            if v_tops[v_middle] < p_numbers[i] then
                v_low := v_middle + 1;
            else
                v_high := v_middle;
            end if;
        end loop;
        v_tops[v_low] := p_numbers[i];
        v_place_of_top[v_low] := i;
        if v_low > 1 then
            v_before[i] := v_place_of_top[v_low - 1];
        end if;
    end loop;
    v_place := v_place_of_top[cardinality(v_tops)];
    while v_place > 0 loop
        v_found := v_found || p_numbers[v_place];
        v_place := v_before[v_place];
    end loop;
    return v_found;
end;
$$;

comment on function core.increasing_subsequence(integer[]) is
'Members of one longest increasing subsequence of distinct numbers.';
revoke all on function core.increasing_subsequence(integer[]) from public;

-- ops.count_dead_letters: how many dead letters match a filter: what a replay or discard of all of them would be about.
-- PT400 bad_filter.
create or replace function ops.count_dead_letters(
    p_filter jsonb default '{}'
)
returns bigint
language plpgsql
stable
parallel safe
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
    v_count bigint;
begin
    execute 'select count(*) from core.indexing_dead_letters as d where ' || core.dead_letter_conditions(p_filter)
    into v_count;
    return v_count;
end;
$$;

comment on function ops.count_dead_letters(jsonb) is
'Number of dead letters that match a filter. PT400 bad_filter.';
revoke all on function ops.count_dead_letters(jsonb) from public;
grant execute on function ops.count_dead_letters(jsonb) to quire_monitor;

-- core.find_dead_letters: keys of dead letters that match a filter, in key order, as arrays; not locked: who changes
-- queue rows too takes those locks first. next_filter: what to go on with where there are more than p_limit, NULL at
-- the end; entries that die from now on are no longer meant, so that going on comes to an end. PT400 bad_filter,
-- bad_limit.
create or replace function core.find_dead_letters(
    p_filter jsonb,
    p_limit integer
)
returns table (workspace_ids uuid[], page_ids uuid[], nos integer[], ops text[], next_filter jsonb)
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_until timestamptz := core.clock() + interval '1 microsecond';
begin
    perform core.check_limit(p_limit, 10000);
    execute
        'select coalesce(array_agg(k.workspace_id order by k.place) filter (where k.place <= $1), ''{}''),'
        || ' coalesce(array_agg(k.page_id order by k.place) filter (where k.place <= $1), ''{}''),'
        || ' coalesce(array_agg(k.no order by k.place) filter (where k.place <= $1), ''{}''),'
        || ' coalesce(array_agg(k.op order by k.place) filter (where k.place <= $1), ''{}''),'
        || ' case when count(*) > $1 then $2 end'
        || ' from (select d.*, row_number() over (order by d.workspace_id, d.page_id, d.no) as place from ('
        || ' select d.workspace_id, d.page_id, d.no, d.op from core.indexing_dead_letters as d where '
        || core.dead_letter_conditions(p_filter)
        || ' order by d.workspace_id, d.page_id, d.no limit $1 + 1) as d) as k'
    into workspace_ids, page_ids, nos, ops, next_filter
    using p_limit, p_filter;
    if next_filter is not null and p_filter ? 'died_before' then
        v_until := least(v_until, (p_filter ->> 'died_before')::timestamptz);
    end if;
    next_filter := next_filter || jsonb_build_object('died_before', v_until);
    return next;
end;
$$;

comment on function core.find_dead_letters(jsonb, integer) is
'Keys of the first p_limit dead letters that match a filter, in key order; next_filter: how to go on.
PT400 bad_filter, bad_limit.';
revoke all on function core.find_dead_letters(jsonb, integer) from public;

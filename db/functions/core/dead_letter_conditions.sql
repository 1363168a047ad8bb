-- core.dead_letter_conditions: a filter of dead letters as conditions in SQL about core.indexing_dead_letters as d:
-- text, so that the planner sees the values and takes the index that fits. Members: workspace_id, page_id, no (one
-- block), error_code, fingerprint (a group), text (contained in the error, upper or lower case), died_after
-- (inclusive), died_before (exclusive; UTC where no offset is given), discarded (true: discarded ones instead of open
-- ones). PT400 bad_filter.
create or replace function core.dead_letter_conditions(
    p_filter jsonb
)
returns text
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    perform core.check_filter(p_filter, 'dead letters', array[
        'workspace_id', 'page_id', 'no', 'error_code', 'fingerprint', 'text', 'died_after', 'died_before', 'discarded'
    ]);
    return (
        select
            case when (p_filter ->> 'discarded')::boolean
                then 'd.discarded_at is not null' else 'd.discarded_at is null' end
            || coalesce(string_agg(
                case m.key
                    when 'workspace_id' then format(' and d.workspace_id = %L::uuid', m.value::uuid)
                    when 'page_id' then format(' and d.page_id = %L::uuid', m.value::uuid)
                    when 'no' then format(' and d.no = %L::integer', m.value::integer)
                    when 'error_code' then format(' and d.error_code = %L', m.value)
                    when 'fingerprint' then format(' and d.fingerprint = %L', m.value)
                    when 'text' then format(' and strpos(lower(d.error), lower(%L)) > 0', m.value)
                    when 'died_after' then format(' and d.died_at >= %L::timestamptz', m.value::timestamptz)
                    when 'died_before' then format(' and d.died_at < %L::timestamptz', m.value::timestamptz)
                end, '' order by m.key
            ), '')
        from jsonb_each_text(p_filter) as m
    );
end;
$$;

comment on function core.dead_letter_conditions(jsonb) is
'A filter of dead letters (workspace_id, page_id, no, error_code, fingerprint, text, died_after, died_before, discarded)
as SQL conditions on d. PT400 bad_filter.';
revoke all on function core.dead_letter_conditions(jsonb) from public;

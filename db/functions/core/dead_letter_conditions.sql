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
declare
    v_member record;
    v_value text;
    v_discarded boolean := false;
    v_conditions text := '';
begin
    if jsonb_typeof(p_filter) is distinct from 'object' then
        raise exception 'the filter is an object, such as {"error_code": "lease_expired"}'
            using errcode = 'PT400', constraint = 'bad_filter', detail = '{"parameter": "filter"}';
    end if;
    for v_member in select m.key, m.value from jsonb_each(p_filter) as m order by m.key loop
        begin
            v_value := case when jsonb_typeof(v_member.value) in ('string', 'number', 'boolean')
                then v_member.value #>> '{}' end;
            v_conditions := v_conditions || case v_member.key
                when 'workspace_id' then format(' and d.workspace_id = %L::uuid', v_value::uuid)
                when 'page_id' then format(' and d.page_id = %L::uuid', v_value::uuid)
                when 'no' then format(' and d.no = %L::integer', v_value::integer)
                when 'error_code' then format(' and d.error_code = %L', v_value)
                when 'fingerprint' then format(' and d.fingerprint = %L', v_value)
                when 'text' then format(' and strpos(lower(d.error), lower(%L)) > 0', v_value)
                when 'died_after' then format(' and d.died_at >= %L::timestamptz', v_value::timestamptz)
                when 'died_before' then format(' and d.died_at < %L::timestamptz', v_value::timestamptz)
                when 'discarded' then ''
            end;
            if v_member.key = 'discarded' then
                v_discarded := v_value::boolean;
            end if;
        exception
            when data_exception then
                v_value := null;
        end;
        if v_conditions is null then
            raise exception 'a filter of dead letters has no "%": it has workspace_id, page_id, no, error_code, '
                'fingerprint, text, died_after, died_before, discarded', left(v_member.key, 64)
                using errcode = 'PT400', constraint = 'bad_filter',
                detail = jsonb_build_object('parameter', left(v_member.key, 64))::text;
        elsif v_value is null
            or v_value = ''  -- every error has that in it
            or (
                case v_member.key
                    when 'no' then v_value::integer < 0
                    when 'fingerprint' then v_value !~ '^[0-9a-f]{16}$'
                    else false
                end
            ) then
            raise exception 'the filter''s % cannot be %: it takes %', v_member.key, left(v_member.value::text, 80),
                case
                    when v_member.key in ('workspace_id', 'page_id') then 'a UUID'
                    when v_member.key = 'no' then 'the number of a block, 0 for the title'
                    when v_member.key = 'fingerprint' then '16 hexadecimal digits, as the groups show them'
                    when v_member.key in ('died_after', 'died_before') then 'a time, such as 2026-01-31T12:00:00Z'
                    when v_member.key = 'discarded' then 'true or false'
                    else 'text that is not empty'
                end
                using errcode = 'PT400', constraint = 'bad_filter',
                detail = jsonb_build_object('parameter', v_member.key)::text;
        end if;
    end loop;
    return case when v_discarded then 'd.discarded_at is not null' else 'd.discarded_at is null' end || v_conditions;
end;
$$;

comment on function core.dead_letter_conditions(jsonb) is
'A filter of dead letters (workspace_id, page_id, no, error_code, fingerprint, text, died_after, died_before, discarded)
as SQL conditions on d. PT400 bad_filter.';
revoke all on function core.dead_letter_conditions(jsonb) from public;

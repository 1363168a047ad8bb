-- core.check_filter: refuses a filter that is not an object of members out of p_members, each of them text, a number or
-- a boolean that the member takes; p_what: what is filtered, for the message. PT400 bad_filter, with the member as
-- parameter.
create or replace function core.check_filter(
    p_filter jsonb,
    p_what text,
    p_members text[]
)
returns void
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
declare
    v_member record;
    v_takes text;
    v_right boolean;
begin
    if jsonb_typeof(p_filter) is distinct from 'object' then
        raise exception 'the filter is an object, such as {"workspace_id": "0190b5a4-8c1e-7a3f-9d2b-1f4c5e6a7b8c"}'
            using errcode = 'PT400', constraint = 'bad_filter', detail = '{"parameter": "filter"}';
    end if;
    for v_member in
        select
            m.key as name,
            m.value as value,
            case when jsonb_typeof(m.value) in ('string', 'number', 'boolean') then m.value #>> '{}' end as text
        from jsonb_each(p_filter) as m
        order by m.key
    loop
        if v_member.name <> all (p_members) then
            raise exception 'a filter of % has no "%": it has %', p_what, left(v_member.name, 64),
                array_to_string(p_members, ', ')
                using errcode = 'PT400', constraint = 'bad_filter',
                detail = jsonb_build_object('parameter', left(v_member.name, 64))::text;
        end if;
        case
            when v_member.name in ('workspace_id', 'page_id') then
                v_takes := 'a UUID';
                v_right := pg_input_is_valid(v_member.text, 'uuid');
            when v_member.name = 'no' then
                v_takes := 'the number of a block, 0 for the title';
                v_right := pg_input_is_valid(v_member.text, 'integer') and v_member.text !~ '-';
            when v_member.name = 'fingerprint' then
                v_takes := '16 hexadecimal digits, as the groups show them';
                v_right := v_member.text ~ '^[0-9a-f]{16}$';
            when v_member.name ~ '_(after|before)$' then
                v_takes := 'a time, such as 2026-01-31T12:00:00Z';
                v_right := pg_input_is_valid(v_member.text, 'timestamptz');
            when v_member.name = 'discarded' then
                v_takes := 'true or false';
                v_right := pg_input_is_valid(v_member.text, 'boolean');
            when v_member.name = 'status' then
                v_takes := 'pending, processing, completed or failed';
                v_right := v_member.text in ('pending', 'processing', 'completed', 'failed');
            else
                v_takes := 'text that is not empty';  -- the empty one is in all there is
                v_right := v_member.text <> '';
        end case;
        if v_right is not true then
            raise exception 'the filter''s % cannot be %: it takes %', v_member.name, left(v_member.value::text, 80),
                v_takes
                using errcode = 'PT400', constraint = 'bad_filter',
                detail = jsonb_build_object('parameter', v_member.name)::text;
        end if;
    end loop;
end;
$$;

comment on function core.check_filter(jsonb, text, text[]) is
'Refuses a filter with members that are not in the list, or with values that they do not take. PT400 bad_filter.';
revoke all on function core.check_filter(jsonb, text, text[]) from public;

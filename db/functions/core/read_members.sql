-- core.read_members: a request's body as an object with known members of known types, or the reason why not. p_types:
-- name -> text (1 to 200 characters, none of them a control character), texts (an array of such), uuid, time (RFC
-- 3339), seconds (a whole number, 0 to 2592000 = 30 days). A member that is null counts as absent. PT400 and PT413 of
-- core.parse_body; PT422 document_not_object, unknown_member, member_missing, invalid_value.
create or replace function core.read_members(
    p_body text,
    p_types jsonb,
    p_needed text[] default '{}'
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_body constant jsonb := core.parse_body(p_body, 3);
    v_member record;
    v_wrong text;
begin
    if jsonb_typeof(v_body) <> 'object' then
        raise exception 'the body is an object' using errcode = 'PT422', constraint = 'document_not_object',
            detail = '{"pointer": ""}';
    end if;
    for v_member in
        select b.key, b.value, b.value #>> '{}' as text, p_types ->> b.key as type from jsonb_each(v_body) as b
        order by b.key
    loop
        v_wrong := null;
        if v_member.type is null then
            raise exception 'the body has a member that is not known here: it takes %',
                (select string_agg(t.name, ', ' order by t.name) from jsonb_object_keys(p_types) as t (name))
                using errcode = 'PT422', constraint = 'unknown_member', detail = '{"pointer": ""}';
        elsif v_member.value = 'null' then
            continue;
        end if;
        case v_member.type
            when 'text' then
                if jsonb_typeof(v_member.value) <> 'string' or not core.is_name(v_member.text) then
                    v_wrong := 'a string of 1 to 200 characters';
                end if;
            when 'texts' then
                if jsonb_typeof(v_member.value) <> 'array' or jsonb_array_length(v_member.value) > 20
                    or jsonb_path_exists(v_member.value, 'strict $[*] ? (@.type() != "string")') then
                    v_wrong := 'an array of strings';
                end if;
            when 'uuid' then
                if jsonb_typeof(v_member.value) <> 'string'
                    or v_member.text !~ '^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$' then
                    v_wrong := 'a UUID';
                end if;
            when 'time' then
                if jsonb_typeof(v_member.value) <> 'string' or not core.is_time(v_member.text) then
                    v_wrong := 'a time such as 2030-01-31T12:00:00Z';
                end if;
            when 'seconds' then
                if jsonb_typeof(v_member.value) <> 'number'
                    or v_member.value::numeric not between 0 and 2592000
                    or v_member.value::numeric <> trunc(v_member.value::numeric) then
                    v_wrong := 'a whole number of seconds from 0 to 2592000';
                end if;
        end case;
        if v_wrong is not null then
            raise exception '/% must be %', v_member.key, v_wrong using errcode = 'PT422',
                constraint = 'invalid_value', detail = jsonb_build_object('pointer', '/' || v_member.key)::text;
        end if;
    end loop;
    perform core.check_needed(v_body, p_needed);
    return jsonb_strip_nulls(v_body);
end;
$$;

comment on function core.read_members(text, jsonb, text[]) is
'A request''s body as an object of known members: text, texts, uuid, time, seconds; nulls are left out. PT400 and
PT413 of core.parse_body; PT422 document_not_object, unknown_member, member_missing, invalid_value.';
revoke all on function core.read_members(text, jsonb, text[]) from public;

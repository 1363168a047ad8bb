-- core.decode_cursor: the sort key [minute, time, page id] in the cursor of a list of pages. PT400 bad_cursor.
create or replace function core.decode_cursor(
    p_cursor text
)
returns jsonb
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
    v_key jsonb;
begin
    begin
        v_key := convert_from(
            decode(rpad(translate(p_cursor, '-_', '+/'), (length(p_cursor) + 3) / 4 * 4, '='), 'base64'), 'UTF8'
        )::jsonb;
        perform (v_key ->> 0)::timestamptz, (v_key ->> 1)::timestamptz, (v_key ->> 2)::uuid;
    exception
        when data_exception then
            v_key := null;
    end;
    if jsonb_typeof(v_key) is distinct from 'array' or jsonb_array_length(v_key) <> 3
        or jsonb_path_exists(v_key, '$[*] ? (@.type() != "string")') then
        raise exception 'the cursor is not one that this list gave: start again without it'
            using errcode = 'PT400', constraint = 'bad_cursor';
    end if;
    return v_key;
end;
$$;

comment on function core.decode_cursor(text) is
'The sort key in a cursor of a list of pages. PT400 bad_cursor.';
revoke all on function core.decode_cursor(text) from public;

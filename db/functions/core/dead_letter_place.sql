-- core.dead_letter_place: the place in the list of dead letters that a cursor stands for: [died_at, workspace, page,
-- no]. PT400 bad_cursor.
create or replace function core.dead_letter_place(
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
        perform (v_key ->> 0)::timestamptz, (v_key ->> 1)::uuid, (v_key ->> 2)::uuid, (v_key ->> 3)::integer;
    exception
        when data_exception then
            v_key := null;
    end;
    if v_key is null or jsonb_typeof(v_key) <> 'array' or jsonb_array_length(v_key) <> 4
        or jsonb_path_exists(v_key, '$[*] ? (@ == null)') then
        raise exception 'the cursor is not one that this list gave: start again without it'
            using errcode = 'PT400', constraint = 'bad_cursor';
    end if;
    return v_key;
end;
$$;

comment on function core.dead_letter_place(text) is
'The sort key in a cursor of the list of dead letters. PT400 bad_cursor.';
revoke all on function core.dead_letter_place(text) from public;

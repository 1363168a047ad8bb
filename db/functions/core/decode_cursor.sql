-- core.decode_cursor: the sort key in the cursor of a list: an array with a value of each of p_types, none of them
-- null. PT400 bad_cursor.
create or replace function core.decode_cursor(
    p_cursor text,
    p_types text[]
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
    exception
        when data_exception then
            v_key := null;
    end;
    if jsonb_typeof(v_key) is distinct from 'array'
        or jsonb_array_length(v_key) <> cardinality(p_types)
        or exists (
            select
            from unnest(p_types) with ordinality as t (type, place)
            where pg_input_is_valid(v_key ->> (t.place::integer - 1), t.type) is not true
        ) then
        raise exception 'the cursor is not one that this list gave: start again without it'
            using errcode = 'PT400', constraint = 'bad_cursor';
    end if;
    return v_key;
end;
$$;

comment on function core.decode_cursor(text, text[]) is
'The sort key in a cursor of a list, of these types. PT400 bad_cursor.';
revoke all on function core.decode_cursor(text, text[]) from public;

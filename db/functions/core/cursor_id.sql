-- core.cursor_id: the id in a cursor of core.id_cursor; NULL for none. PT400 bad_cursor.
create or replace function core.cursor_id(
    p_cursor text
)
returns uuid
language plpgsql
stable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return case when p_cursor is not null
        then (core.decode_cursor(p_cursor, '{timestamptz,timestamptz,uuid}') ->> 2)::uuid end;
end;
$$;

comment on function core.cursor_id(text) is
'The id in the cursor of a list that is sorted by id alone. PT400 bad_cursor.';
revoke all on function core.cursor_id(text) from public;

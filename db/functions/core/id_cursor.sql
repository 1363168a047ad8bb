-- core.id_cursor: the cursor of a list that is sorted by id alone. See core.decode_cursor, which reads the id out of
-- the third place.
create or replace function core.id_cursor(
    p_id uuid
)
returns text
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return core.encode_cursor(jsonb_build_array('infinity', 'infinity', p_id));
end;
$$;

comment on function core.id_cursor(uuid) is
'The cursor of a list that is sorted by id alone.';
revoke all on function core.id_cursor(uuid) from public;

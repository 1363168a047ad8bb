-- core.encode_cursor: a sort key as the opaque cursor of a list: base64url without padding.
create or replace function core.encode_cursor(
    p_key jsonb
)
returns text
language sql
immutable
strict
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
    select rtrim(translate(encode(convert_to(p_key::text, 'UTF8'), 'base64'), E'+/\n', '-_'), '=')
$$;

comment on function core.encode_cursor(jsonb) is
'A sort key as an opaque cursor (base64url).';
revoke all on function core.encode_cursor(jsonb) from public;

-- core.is_name: whether a text may be the name of a user, a workspace or a token: 1 to 200 characters, none of them a
-- control character (names end up in terminals), and not spaces only.
create or replace function core.is_name(
    p_name text
)
returns boolean
language plpgsql
immutable
parallel safe
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
    return coalesce(length(p_name) between 1 and 200 and p_name !~ '[[:cntrl:]]' and p_name ~ '[^[:space:]]', false);
end;
$$;

comment on function core.is_name(text) is
'Whether a text may be the name of a user, a workspace or a token.';
revoke all on function core.is_name(text) from public;
